import type { Answer } from "@sparklytics/tracker/receipt";
import { Outbox, TIMEOUT_MS, type Post } from "./outbox.js";

/** What of a server is one, however often this module is bundled into it. */
const shared = globalThis as { [name: symbol]: Map<string, Outbox> | undefined };
const NAME = Symbol.for("@sparklytics/next outboxes");
/** Nobody waits longer for a collector. */
const LONGEST_REST_S = 3_600;

/** The one outbox that this process has for a collector and a key. `url` takes events; an empty `serverKey` is none. */
export function outboxOf(url: string, serverKey: string | undefined): Outbox {
  const all = (shared[NAME] ??= new Map());
  const name = `${url} ${serverKey}`;
  const found = all.get(name) ?? new Outbox(url, postTo(url, serverKey), warn);
  all.set(name, found);
  return found;
}

/** Say on the server's console what went wrong. */
export const warn = (news: string): void => console.warn("sparklytics: " + news);

function postTo(url: string, serverKey: string | undefined): Post {
  const headers = { "content-type": "application/json", ...(serverKey && { authorization: `Bearer ${serverKey}` }) };
  return async (body): Promise<Answer | undefined> => {
    try {
      // Next.js would keep the answer otherwise.
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const answer = await fetch(url, { method: "POST", headers, body, cache: "no-store", signal });
      const retryAfter = Math.min(LONGEST_REST_S, Number(answer.headers.get("retry-after")) || 0);
      return { status: answer.status, retryAfter, body: await answer.json().catch(() => null) };
    } catch {
      return undefined;
    }
  };
}
