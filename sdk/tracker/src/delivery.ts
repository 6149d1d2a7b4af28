import { pause } from "./backoff";
import { fates, type Answer, type Rejection } from "./receipt";
import type { Kept, Store } from "./store";
import { bytesOf } from "./validation";

export const BATCH_EVENTS = 50;
/**
 * Of all requests that are on their way: the 64 KiB that browsers let a page leave behind when it goes (`keepalive`),
 * less some for others. So a request may be on its way when the page ends, whenever that is.
 */
export const FLYING_BYTES = 60_000;
/**
 * How long the first event waits for others to share its request. It waits inside of the tab's turn: what another tab
 * removed in its own turn is still to be seen in localStorage for some milliseconds.
 */
export const LINGER_MS = 250;

/** Send a body; undefined where no answer came. Never rejects. */
export type Post = (body: string) => Promise<Answer | undefined>;

/** Run `work` while no other tab runs its own. */
export type Exclusively = (work: () => Promise<void>) => Promise<unknown>;

export interface Delivery {
  /** Keep an event and send it soon; `json` is an object. False where the store is full. */
  take(id: string, json: string): boolean;
  /** Send what waits; for when the network is back, or the page is looked at again. */
  wake(): void;
  /** Send what waits at once, without a turn: the page may be gone the next moment. */
  leave(): void;
}

/**
 * Brings events from the store to the collector: each is sent until its receipt has come, and only then removed.
 * An event that was sent twice, because a receipt was lost, has the same id both times, and counts once.
 * `refused` is told of each event that was refused for ever.
 */
export function createDelivery(
  store: Store,
  post: Post,
  exclusively: Exclusively,
  refused: (rejection: Rejection) => void,
): Delivery {
  const flying = new Set<string>();
  let flyingBytes = 0;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | 0 = 0;
  let queued = false;
  let asked = false;

  function pick(): Kept[] {
    let size = flyingBytes;
    // The first that is too much keeps out all after it: `size` never shrinks.
    const fits = ([id, json]: Kept) => !flying.has(id) && (size += bytesOf(json) + 28) <= FLYING_BYTES;
    return store.all().filter(fits).slice(0, BATCH_EVENTS);
  }

  /** True where there was something to send and all went well. */
  async function send(batch: Kept[]): Promise<boolean> {
    if (!batch.length) return false;
    const sentAt = `,"sent_at":${Date.now()}}`;
    const body = `[${batch.map(([, json]) => json.slice(0, -1) + sentAt)}]`;
    const size = bytesOf(body);
    flyingBytes += size;
    batch.forEach(([id]) => flying.add(id));
    const answer = await post(body);
    flyingBytes -= size;
    const found = fates(answer, batch.length);
    batch.forEach(([id], index) => {
      const fate = found[index]!;
      flying.delete(id);
      if (fate !== "again") store.remove(id);
      if (typeof fate === "object") refused(fate);
    });
    if (!found.includes("again")) {
      failures = 0;
      return true;
    }
    clearTimeout(timer);
    timer = setTimeout(flush, pause(++failures, answer?.retryAfter ?? 0, Math.random()));
    return false;
  }

  function flush(): void {
    clearTimeout(timer);
    timer = 0;
    asked = true;
    if (queued) return;
    queued = true;
    const end = () => {
      queued = false;
      // An event that came when the last look into the store was over.
      if (asked && !timer) flush();
    };
    exclusively(drain).then(end, end);
  }

  async function drain(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
    do {
      asked = false;
    } while (await send(pick()));
  }

  return {
    take(id, json) {
      const added = store.add(id, json);
      if (added && !timer) flush();
      return added;
    },
    wake: flush,
    leave() {
      void send(pick()).then((well) => well && flush());
    },
  };
}
