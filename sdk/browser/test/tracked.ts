import type { Tracker } from "@sparklytics/tracker";

/** A tracker that remembers what it was told. */
export function remembering(): { tracker: Tracker; tracked: [name: string, data: object | undefined][] } {
  const tracked: [string, object | undefined][] = [];
  const tracker: Tracker = {
    track: (name, data) => tracked.push([name, data]) > 0,
    pageView: () => true,
    identify: () => true,
    reset: () => {},
  };
  return { tracker, tracked };
}
