/** An event that the collector did not take: an entry of `rejected` in its answer. */
export interface Rejection {
  index: number;
  code: string;
  message: string;
  retry: boolean;
}

/** The collector's answer; `body` is its JSON, null where it had none, `retryAfter` in seconds, 0 where it had none. */
export interface Answer {
  status: number;
  retryAfter: number;
  body: { ok?: boolean; rejected?: Rejection[]; ignored_fields?: string[] } | null;
}

/** What became of one event: taken, refused for ever, or to be sent again. */
export type Fate = "taken" | "again" | Rejection;

/**
 * The fate of each of the `count` events that were sent; `answer` is undefined where none came.
 * Only a receipt ends an event: all else is "again".
 */
export function fates(answer: Answer | undefined, count: number): Fate[] {
  const accepted = answer?.status === 202 && answer.body?.ok;
  const made = Array<Fate>(count).fill(accepted ? "taken" : "again");
  for (const entry of answer?.body?.rejected ?? []) made[entry.index] = entry.retry === false ? entry : "again";
  return made;
}
