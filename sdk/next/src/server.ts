import { newEventId } from "@sparklytics/tracker/event-id";
import { fates, type Answer, type Fate } from "@sparklytics/tracker/receipt";
import {
  compact,
  flawOfData,
  flawOfName,
  flawOfVisitorId,
  NAME_MAX_CHARACTERS,
  URL_MAX_CHARACTERS,
} from "@sparklytics/tracker/validation";
import { tellIgnored, why } from "./telling.js";
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
const PAUSES_MS = [200, 800];
const LONGEST_PAUSE_MS = 2_000;
const TIMEOUT_MS = 3_000;

/**
 * Send an event from a server: true when the collector has it; false, with a warning on the console, when it does not.
 * Tries three times, each with the same event_id, so that it counts once; at most some 13 seconds. Never rejects.
 * Must not be called in a browser: the server key is a secret.
 */
export async function trackServerEvent(name: string, data?: object, options: ServerEventOptions = {}): Promise<boolean> {
  try {
    if (options.headers && options.respectDnt !== false && optedOut(options.headers)) return false;
    const json = data == null ? "" : compact(data);
    const flaw =
      flawOfName(name) ||
      (json !== "" && flawOfData(json)) ||
      (options.visitorId != null && flawOfVisitorId(options.visitorId)) ||
      (await deliver(eventOf(name, json, options), options));
    return flaw ? refuse(name, flaw) : true;
  } catch (error) {
    return refuse(name, String(error));
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

/** "" when the collector has the event, else why not. */
async function deliver(event: object, options: ServerEventOptions): Promise<string> {
  const url = collectorOf(options.apiHost ?? process.env["SPARKLYTICS_API_HOST"]);
  if (!url) return NO_HOST;
  const serverKey = options.serverKey ?? process.env["SPARKLYTICS_SERVER_KEY"];
  const headers = { "content-type": "application/json", ...(serverKey && { authorization: `Bearer ${serverKey}` }) };
  for (let tries = 0; ; tries++) {
    const answer = await post(url, headers, JSON.stringify([{ ...event, sent_at: Date.now() }]));
    const fate: Fate = fates(answer, 1)[0]!;
    if (fate === "taken") {
      tellIgnored(url, answer?.body?.ignored_fields);
      return "";
    }
    if (fate !== "again") return why(fate);
    const pause = Math.max(PAUSES_MS[tries] ?? Infinity, (answer?.retryAfter ?? 0) * 1_000);
    if (pause > LONGEST_PAUSE_MS) return answer ? `${url} answered ${answer.status}` : `no answer came from ${url}`;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

async function post(url: string, headers: Record<string, string>, body: string): Promise<Answer | undefined> {
  try {
    // Next.js would keep the answer otherwise.
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const answer = await fetch(url, { method: "POST", headers, body, cache: "no-store", signal });
    const retryAfter = Number(answer.headers.get("retry-after")) || 0;
    return { status: answer.status, retryAfter, body: await answer.json().catch(() => null) };
  } catch {
    return undefined;
  }
}

/** Where events go to: "" where `apiHost` is no origin. */
function collectorOf(apiHost = ""): string {
  const url = apiHost.replace(/\/+$/, "") + "/api/collect";
  return URL.canParse(url) ? url : "";
}

function refuse(name: unknown, flaw: string): false {
  // As JSON, so that a name makes no line of its own in a log.
  const shown = typeof name === "string" ? JSON.stringify(name.slice(0, NAME_MAX_CHARACTERS)) : "an event";
  console.warn(`sparklytics: ${shown} not taken: ${flaw}`);
  return false;
}
