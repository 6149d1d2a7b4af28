import { createTracker, type Tracker, type TrackerOptions } from "@sparklytics/tracker";

const made = new Map<string, Tracker>();

/**
 * The one tracker that a page has for these options, made when it is first asked for; undefined on the server.
 * It outlives the components that asked for it: what it took has to be sent.
 */
export function trackerOf(options: TrackerOptions): Tracker | undefined {
  if (typeof window === "undefined") return undefined;
  const key = JSON.stringify(options);
  const tracker = made.get(key) ?? createTracker(options);
  made.set(key, tracker);
  return tracker;
}
