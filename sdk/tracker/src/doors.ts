import type { Exclusively, Post } from "./delivery";

const TIMEOUT_MS = 30_000;

/** POST a body to the collector; undefined where no answer came in 30 s. No cookie goes along. */
export const postTo = (url: string): Post => async (body) => {
  try {
    // A body of text needs no preflight.
    const answer = await fetch(url, {
      method: "POST",
      body,
      keepalive: true,
      credentials: "omit",
      signal: AbortSignal.timeout?.(TIMEOUT_MS) ?? null,
    });
    const retryAfter = Number(answer.headers.get("retry-after")) || 0;
    return { status: answer.status, retryAfter, body: await answer.json().catch(() => null) };
  } catch {
    return undefined;
  }
};

/**
 * One tab at a time by the Web Locks of the browser. Where it has none (pages over plain HTTP, sandboxed frames) each
 * tab goes on by itself: an event may then be sent twice, and counts once.
 */
export const oneTab =
  (name: string): Exclusively =>
  (work) =>
    navigator.locks ? navigator.locks.request(name, work).catch(work) : work();
