/** An event that the collector did not take: an entry of `rejected` in its answer. */
export interface Rejection {
  index: number;
  code: string;
  message: string;
  retry: boolean;
}

/** The collector's answer; without a status it is one that was remembered, and nothing was sent. */
export interface Answer {
  status?: number;
  /** In seconds, at most an hour; not above 0, or NaN, where nothing was asked for. */
  retryAfter: number;
  /** The JSON; null where it was none. */
  body?: { ok?: boolean; rejected?: Rejection[]; ignored_fields?: string[] } | null;
}

/** What became of one event: taken, refused for ever, or to be sent again. */
export type Fate = "taken" | "again" | Rejection;

/**
 * The fate of each of the `count` events that were sent; `answer` is undefined where none came, and may be anybody's.
 * Only a receipt ends an event: all else is "again".
 */
export function fates(answer: Answer | undefined, count: number): Fate[] {
  const accepted = answer?.status === 202 && answer.body?.ok && "taken";
  const rejected = [answer?.body?.rejected].flat();
  return Array.from({ length: count }, (_, index) => {
    const entry = rejected.find((one) => one?.index === index);
    return (entry ? entry.retry === false && entry : accepted) || "again";
  });
}
