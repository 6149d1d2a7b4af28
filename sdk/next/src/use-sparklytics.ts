import { useMemo } from "react";
import { useTracker } from "./context.js";
import type { AnyEvents, Sparklytics } from "./events.js";

/** What a component tracks with; the functions stay the same from one rendering to the next. */
export function useSparklytics<Events extends object = AnyEvents>(): Sparklytics<Events> {
  const tracker = useTracker();
  return useMemo(
    () => ({
      // What may follow which name is for the callers' types; the engine checks all that is given.
      track: (name: string, ...[data]: unknown[]) => tracker()?.track(name, data as object) ?? false,
      identify: (visitorId: string) => tracker()?.identify(visitorId) ?? false,
      reset: () => tracker()?.reset(),
    }),
    [tracker],
  );
}
