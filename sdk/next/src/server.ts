import { newEventId } from "@sparklytics/tracker/event-id";
import { fates, type Answer, type Fate } from "@sparklytics/tracker/receipt";
import { compact, flawOfData, flawOfName, flawOfVisitorId, URL_MAX_CHARACTERS } from "@sparklytics/tracker/validation";
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
      (options.visitorId != null && flawOfVisitorId(options.visitorId));
    return flaw ? refuse(flaw) : await deliver(eventOf(name, json, options), options);
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

async function deliver(event: object, options: ServerEventOptions): Promise<boolean> {
  const apiHost = (options.apiHost ?? process.env["SPARKLYTICS_API_HOST"] ?? "").replace(/\/+$/, "");
  const serverKey = options.serverKey ?? process.env["SPARKLYTICS_SERVER_KEY"];
  const headers = { "content-type": "application/json", ...(serverKey && { authorization: `Bearer ${serverKey}` }) };
  for (let tries = 0; ; tries++) {
    const answer = await post(`${apiHost}/api/collect`, headers, JSON.stringify([{ ...event, sent_at: Date.now() }]));
    const fate: Fate = fates(answer, 1)[0]!;
    if (fate === "taken") return true;
    if (fate !== "again") return refuse(`${fate.message} (${fate.code})`);
    const pause = Math.max(PAUSES_MS[tries] ?? Infinity, (answer?.retryAfter ?? 0) * 1_000);
    if (pause > LONGEST_PAUSE_MS) return refuse(answer ? `the collector answered ${answer.status}` : "no answer came");
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

function refuse(flaw: string): false {
  console.warn("sparklytics: not taken: " + flaw);
  return false;
}
