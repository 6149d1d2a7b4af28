import { createTracker, type Tracker } from "@sparklytics/tracker";
import { trackForms } from "./forms";
import { watchHistory } from "./history";
import { trackLinks } from "./links";
import { readOptions } from "./options";
import { trackScroll } from "./scroll";

type Call = [name: keyof Tracker, ...given: unknown[]];

/** What a page finds at `window.sparklytics`; of the stub before the script is there, calls wait in `q`. */
export type Global = Tracker & { q: { push(call: Call): void } };

declare global {
  interface Window {
    sparklytics?: Global;
  }
}

/** Start the tracker that `element` describes, once for a page, and hand it the calls that wait. */
export function start(element: HTMLScriptElement): void {
  if (window.sparklytics?.pageView) return;
  const options = readOptions(element);
  const tracker = createTracker(options);
  // Not before: a page whose script tag is wrong finds nothing here, as one that has no script.
  const found: Partial<Global> = (window.sparklytics ??= {} as Global);
  const call = ([name, ...given]: Call) => (tracker[name] as (...given: unknown[]) => unknown)(...given);
  const waiting = (found.q ?? []) as unknown as Call[];
  // Functions of the stub that a page holds on to go on to work.
  Object.assign(found, tracker, { q: { push: call } });
  let scrollAnew = () => {};
  const view = () => {
    if (tracker.pageView()) scrollAnew();
  };
  view();
  waiting.forEach(call);
  watchHistory(view);
  if (options.trackLinks) trackLinks(tracker);
  if (options.trackForms) trackForms(tracker);
  if (options.trackScroll) scrollAnew = trackScroll(tracker);
}

try {
  start(document.currentScript as HTMLScriptElement);
} catch (error) {
  console.warn("sparklytics: " + error);
}
