/** An event as it waits: its id and its JSON. */
export type Kept = [id: string, json: string];

/** Where events wait until the collector's receipt. */
export interface Store {
  /** Keep an event; false, and nothing is kept, where the store is full. */
  add(id: string, json: string): boolean;
  /** All events, the oldest first. */
  all(): Kept[];
  remove(id: string): void;
}

/** Texts by name: localStorage, or a plain object. */
export type Box = Record<string, string>;

/** Of all events that wait with their ids, some thousands. A fifth of what browsers give a site: the rest stays its own. */
export const MAX_CHARACTERS = 1_000_000;

/** localStorage, or memory where the browser denies it (a sandboxed frame, cookies turned off). */
export function openBox(): Box {
  try {
    // Some embedded browsers have null there.
    return (localStorage as unknown as Box | null) ?? {};
  } catch {
    return {};
  }
}

/**
 * A store in `box`, each event under a name of its own, so that tabs never write over each other's.
 * What the box has no room for waits in memory. Ids have to sort by time.
 */
export function createStore(box: Box, prefix: string): Store {
  const spare: Box = {};
  const all = (): Kept[] =>
    [...Object.keys(box), ...Object.keys(spare)]
      .filter((name) => name.startsWith(prefix))
      .sort()
      // Another tab may remove an event between the two looks.
      .flatMap((name) => {
        const json = box[name] ?? spare[name];
        return json ? [[name.slice(prefix.length), json]] : [];
      });
  return {
    all,
    add(id, json) {
      if (all().join("").length + json.length > MAX_CHARACTERS) return false;
      try {
        box[prefix + id] = json;
      } catch {
        spare[prefix + id] = json;
      }
      return true;
    },
    remove(id) {
      delete box[prefix + id];
      delete spare[prefix + id];
    },
  };
}
