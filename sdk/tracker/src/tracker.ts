import { createDelivery } from "./delivery";
import { oneTab, postTo } from "./doors";
import { newEventId } from "./event-id";
import { createStore, openBox } from "./store";
import { compact, flawOfData, flawOfName, flawOfVisitorId, URL_MAX_CHARACTERS } from "./validation";

export interface TrackerOptions {
  websiteId: string;
  /** Origin of the collector, such as https://events.example.com; "" is the page's own. */
  apiHost: string;
  /** Send nothing for visitors whose browser says Do Not Track or Global Privacy Control. Default true. */
  respectDnt?: boolean;
  /** Leave the part after # out of addresses. */
  excludeHash?: boolean;
  /** Take nothing and send nothing. */
  disabled?: boolean;
  /** Say on the console what the collector refused, and why. */
  debug?: boolean;
}

/** None of these throws, whatever it is given. */
export interface Tracker {
  /** Take a custom event: true, and it will be counted once; false, with a warning on the console, where it cannot be. */
  track(name: string, data?: object): boolean;
  /** Take a page view of the current address, unless the last one was of the same. True where it did. */
  pageView(): boolean;
  /** Later events, also of later pages, are those of this visitor of yours, in a session of their own. */
  identify(visitorId: string): boolean;
  /** Later events are again those of an anonymous visitor. */
  reset(): void;
}

/** Whether nothing may be tracked here: by the page's own word, or the visitor's. */
export function isSilent({ disabled, respectDnt }: TrackerOptions): boolean {
  const { doNotTrack, globalPrivacyControl } = navigator as Navigator & { globalPrivacyControl?: boolean };
  return !!(disabled || (respectDnt !== false && (doNotTrack === "1" || globalPrivacyControl)));
}

/** A tracker of the page that this runs in; sends what earlier pages left. Must be called in a browser. */
export function createTracker(options: TrackerOptions): Tracker {
  const { websiteId } = options;
  const name = `sparklytics:${websiteId}:`;
  const visitor = name + "visitor";
  const box = openBox();
  const store = createStore(box, name + "event:");
  const warn = (message: string) => console.warn("sparklytics: " + message);
  const debug = (message: string) => options.debug && warn(message);
  const delivery = createDelivery(
    store,
    postTo(options.apiHost + "/api/collect", box, name + "until"),
    oneTab(name),
    // The message begins with the index.
    ({ code, message }) => debug(`refused: ${message} (${code})`),
  );
  const quiet = isSilent(options);
  let referrer = document.referrer;
  let viewed = "";

  function address(): string {
    const { href } = location;
    return options.excludeHash ? href.split("#")[0]! : href;
  }

  /** An address that is too long would cost the event: it goes without what follows the path, or not at all. */
  function fitting(url: string): string {
    return [url, url.split(/[?#]/)[0]!, ""].find((text) => text.length <= URL_MAX_CHARACTERS)!;
  }

  function take(type: "custom" | "pageview", event: object, data = ""): boolean {
    if (quiet) return false;
    const now = Date.now();
    const id = newEventId(now);
    const json = JSON.stringify({
      website_id: websiteId,
      event_type: type,
      event_id: id,
      timestamp: now,
      url: fitting(address()),
      referrer: fitting(referrer),
      language: navigator.language,
      screen: screen.width ? `${screen.width}x${screen.height}` : "",
      visitor_id: box[visitor],
      ...event,
    });
    return delivery.take(id, `${json.slice(0, -1)}${data && `,"event_data":${data}`}}`) || refuse("the store is full");
  }

  function refuse(flaw: string): false {
    warn("not taken: " + flaw);
    return false;
  }

  function attempt<T>(work: () => T): T | false {
    try {
      return work();
    } catch (error) {
      return refuse(String(error));
    }
  }

  if (quiet) debug("disabled, or DNT");
  else {
    const leave = () => attempt(delivery.leave);
    addEventListener("pagehide", () => {
      // A page that comes back is viewed again.
      viewed = "";
      leave();
    });
    document.addEventListener("visibilitychange", () => (document.hidden ? leave() : delivery.wake()));
    addEventListener("online", delivery.wake);
    delivery.wake();
  }

  return {
    track: (event_name, data) =>
      attempt(() => {
        const json = data == null ? "" : compact(data);
        const flaw = flawOfName(event_name) || (json !== "" && flawOfData(json));
        return flaw ? refuse(flaw) : take("custom", { event_name }, json);
      }),
    pageView: () =>
      attempt(() => {
        const url = address();
        if (url === viewed) return false;
        referrer = viewed || referrer;
        viewed = url;
        return take("pageview", {});
      }),
    identify: (id) =>
      attempt(() => {
        const flaw = flawOfVisitorId(id);
        if (flaw) return refuse(flaw);
        if (!quiet) box[visitor] = id;
        return !quiet;
      }),
    reset: () => void attempt(() => delete box[visitor]),
  };
}
