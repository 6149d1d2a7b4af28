import type { Tracker } from "@sparklytics/tracker";
import { createContext, useContext } from "react";

/** The tracker of the nearest provider, when it is asked for; undefined on the server, and without a provider. */
export const TrackerContext = createContext<() => Tracker | undefined>(() => {
  if (typeof window !== "undefined") console.warn("sparklytics: not taken: there is no SparklyticsProvider above");
  return undefined;
});

export const useTracker = () => useContext(TrackerContext);
