const FIRST_MS = 1_000;
const LONGEST_MS = 300_000;

/**
 * Milliseconds to wait after so many failures in a row: doubled each time, at most five minutes, up to half of it by
 * chance. What the collector asked for (`retryAfter`, in seconds) goes first and is not undercut.
 * `random` is from 0 up to 1.
 */
export function pause(failures: number, retryAfter: number, random: number): number {
  if (retryAfter > 0) return retryAfter * 1_000 * (1 + random / 4);
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1)) * (1 - random / 2);
}
