import type { Exclusively, Post } from "./delivery";
import type { Answer } from "./receipt";
import type { Box } from "./store";

const TIMEOUT_MS = 30_000;
/** Nobody waits longer for a collector. A longer rest in the box was written by a clock that was wrong, or by others. */
const LONGEST_REST_S = 3_600;

/**
 * POST a body to the collector; undefined where no answer came in 30 s. No cookie goes along.
 * Nothing is sent before the time that the collector asked for, whichever tab or page it told: that time stands in
 * `box` under `name`. Who posts before is answered with the rest of it.
 */
export const postTo =
  (url: string, box: Box, name: string): Post =>
  async (body) => {
    const rest = (+box[name]! - Date.now()) / 1_000;
    if (rest > 0 && rest <= LONGEST_REST_S) return { retryAfter: rest };
    let found: Answer | undefined;
    try {
      // A body of text needs no preflight.
      const answer = await fetch(url, {
        method: "POST",
        body,
        keepalive: true,
        credentials: "omit",
        // Older browsers have none: they wait as long as they see fit.
        signal: AbortSignal.timeout?.(TIMEOUT_MS) as AbortSignal,
      });
      const retryAfter = Math.min(LONGEST_REST_S, +answer.headers.get("retry-after")!);
      found = { status: answer.status, retryAfter, body: await answer.json().catch(() => null) };
      if (retryAfter) box[name] = "" + (Date.now() + retryAfter * 1_000);
    } catch {
      // No answer, or a full box: then other tabs ask for themselves.
    }
    return found;
  };

/**
 * One tab at a time by the Web Locks of the browser. Where it has none (pages over plain HTTP, sandboxed frames) each
 * tab goes on by itself: an event may then be sent twice, and counts once.
 */
export const oneTab =
  (name: string): Exclusively =>
  (work) =>
    navigator.locks?.request(name, work).catch(work) ?? work();
