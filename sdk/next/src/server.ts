import { newEventId } from "@sparklytics/tracker/event-id";
import { compact, flawOfData, flawOfName, flawOfVisitorId, URL_MAX_CHARACTERS } from "@sparklytics/tracker/validation";
import { outboxOf, warn } from "./outboxes.js";
import { notTaken } from "./telling.js";
import { optedOut, visitorOf, type ReadHeaders } from "./visitor.js";

export type { ReadHeaders } from "./visitor.js";

export interface ServerEventOptions {
  /** Headers of the visitor's request: its address, agent, language and page. Without them the event is the server's. */
  headers?: ReadHeaders | undefined;
  /** How many proxies of yours a request goes through, each adding to X-Forwarded-For. Default 1. */
  proxies?: number | undefined;
  /** Send nothing where `headers` say Do Not Track or Global Privacy Control. Default true. */
  respectDnt?: boolean | undefined;
  /** Your own id of the visitor, as given to `identify` in the browser. */
  visitorId?: string | undefined;
  /** The page, at most 2,048 characters; without it the `Referer` of `headers`. */
  url?: string | undefined;
  /** A UUID: with it and `timestamp` the same event counts once, however often it is sent. */
  eventId?: string | undefined;
  /** When it happened; with an `eventId` of yours it has to be the same each time. Default now. */
  timestamp?: Date | undefined;
  /** Default: the environment's SPARKLYTICS_WEBSITE_ID. */
  websiteId?: string | undefined;
  /** Origin of the collector. Default: the environment's SPARKLYTICS_API_HOST. */
  apiHost?: string | undefined;
  /** Without it the collector ignores the visitor's address and agent. Default: the environment's SPARKLYTICS_SERVER_KEY. */
  serverKey?: string | undefined;
}

/** All that is needed of Node here, which the edge runtime has too. */
declare const process: { env: Record<string, string | undefined> };

const NO_HOST = "there is no collector to send it to; set SPARKLYTICS_API_HOST to its origin";

/**
 * Send an event from a server: true when the collector has it; false when it does not. Then a warning on the console
 * says why, and either the event was refused, or it waits in memory and is sent again, as long as this process lives.
 *
 * Tries three times, each with the same event_id, so that it counts once; at most some 13 seconds, and not at all while
 * the collector is known to be away. Never rejects. Must not be called in a browser: the server key is a secret.
 */
export async function trackServerEvent(name: string, data?: object, options: ServerEventOptions = {}): Promise<boolean> {
  const refuse = (flaw: string) => {
    warn(notTaken(name, flaw));
    return false;
  };
  try {
    if (options.headers && options.respectDnt !== false && optedOut(options.headers)) return false;
    const url = collectorOf(options.apiHost ?? process.env["SPARKLYTICS_API_HOST"]);
    const json = data == null ? "" : compact(data);
    const flaw =
      flawOfName(name) ||
      (json !== "" && flawOfData(json)) ||
      (options.visitorId != null && flawOfVisitorId(options.visitorId)) ||
      (url ? "" : NO_HOST);
    if (flaw) return refuse(flaw);
    const outbox = outboxOf(url, options.serverKey ?? process.env["SPARKLYTICS_SERVER_KEY"]);
    return await outbox.send(name, JSON.stringify(eventOf(name, json, options)));
  } catch (error) {
    return refuse(String(error));
  }
}

function eventOf(event_name: string, json: string | undefined, options: ServerEventOptions): object {
  const visitor = options.headers && visitorOf(options.headers, options.proxies ?? 1);
  const timestamp = options.timestamp?.getTime() ?? Date.now();
  const url = options.url ?? visitor?.url ?? "";
  return {
    ...visitor,
    website_id: options.websiteId ?? process.env["SPARKLYTICS_WEBSITE_ID"] ?? "",
    event_type: "custom",
    event_name,
    event_data: json ? JSON.parse(json) : undefined,
    event_id: options.eventId ?? newEventId(timestamp),
    timestamp,
    url: url.length <= URL_MAX_CHARACTERS ? url : "",
    visitor_id: options.visitorId,
  };
}

/** Where events go to: "" where `apiHost` is no origin. */
function collectorOf(apiHost = ""): string {
  const url = apiHost.replace(/\/+$/, "") + "/api/collect";
  return URL.canParse(url) ? url : "";
}
