/** Longest event name, in characters (Unicode code points) after trimming. */
export const NAME_MAX_CHARACTERS = 255;

/** Longest event_data, in bytes of its compact JSON as UTF-8. */
export const DATA_MAX_BYTES = 4_096;

/** Longest visitor_id, in bytes as UTF-8. */
export const VISITOR_ID_MAX_BYTES = 64;

/** Longest url and referrer, in characters. */
export const URL_MAX_CHARACTERS = 2_048;

/** How many bytes `text` has as UTF-8. */
export const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

const flaw = (what: string, size: number, most: number, unit: string) =>
  size && size <= most ? "" : `${what} has ${size} ${unit}, not 1 to ${most}`;

/** Why the collector would refuse this name, "" where it would take it. What is no text has no characters. */
export function flawOfName(name: unknown): string {
  // Unicode White_Space, which is not quite what trim() takes away.
  const trimmed = typeof name === "string" ? name.replace(/^((?!\ufeff)[\s\x85])+|((?!\ufeff)[\s\x85])+$/g, "") : "";
  return flaw("the event name", [...trimmed].length, NAME_MAX_CHARACTERS, "characters");
}

/**
 * `data` as the compact JSON that the collector would keep: half an emoji is U+FFFD there.
 * Throws what JSON.stringify throws, for a circle or a BigInt.
 */
export const compact = (data: object): string | undefined =>
  // The first alternative steps over an escaped backslash, so that the text \ud800 itself stays.
  JSON.stringify(data)?.replace(/\\\\|\\ud[89a-f]../g, (found) => (found[2] ? "\ufffd" : found));

/** Why the collector would refuse this event_data, "" where it would take it. `json` is its compact form. */
export const flawOfData = (json: string | undefined): string =>
  json?.[0] === "{" ? flaw("event_data", bytesOf(json), DATA_MAX_BYTES, "bytes") : "event_data is no object";

/** Why the collector would refuse this visitor_id, "" where it would take it. What is no text has no bytes. */
export const flawOfVisitorId = (id: unknown): string =>
  flaw("the visitor id", typeof id === "string" ? bytesOf(id) : 0, VISITOR_ID_MAX_BYTES, "bytes");
