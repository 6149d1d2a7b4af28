import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { trackServerEvent } from "../src/server";

/** Each test has a collector of its own, for what waits for one is kept as long as the process lives. */
let collectors = 0;
let OPTIONS = { websiteId: "shop", apiHost: "", serverKey: "evk_1" };
const TAKEN = () => Response.json({ ok: true, rejected: [] }, { status: 202 });
const IGNORING = (...ignored_fields: string[]) => () => Response.json({ ok: true, ignored_fields }, { status: 202 });
const refusal = (status: number, retry: boolean, retryAfter = "0", code = "c") =>
  Response.json(
    { rejected: [{ index: 0, code, message: "[0]: why", retry }] },
    { status, headers: { "retry-after": retryAfter } },
  );

let answers: (() => Response)[] = [];
const requests: { url: string; init: RequestInit; event: Record<string, unknown> }[] = [];
const warnings: string[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  OPTIONS = { ...OPTIONS, apiHost: `https://${++collectors}.example/` };
  answers = [];
  requests.length = warnings.length = 0;
  vi.spyOn(console, "warn").mockImplementation((message) => void warnings.push(message));
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    requests.push({ url, init, event: JSON.parse(String(init.body))[0] });
    return (answers.shift() ?? TAKEN)();
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

async function ended(sending: Promise<boolean>): Promise<boolean> {
  let over = false;
  void sending.finally(() => (over = true));
  while (!over) await vi.advanceTimersByTimeAsync(10);
  return sending;
}

test("an event of a visitor, with the server's key", async () => {
  const headers = new Headers({ "x-forwarded-for": "203.0.113.7", "user-agent": "Mozilla/5.0", referer: "https://a.b/c" });
  const now = Date.now();
  expect(await ended(trackServerEvent("paid", { total: 198 }, { ...OPTIONS, headers, visitorId: "user-7" }))).toBe(true);
  const [{ url, init, event }] = requests as [(typeof requests)[0]];
  expect(url).toBe(OPTIONS.apiHost + "api/collect");
  expect(init.headers).toMatchObject({ authorization: "Bearer evk_1" });
  expect(event).toMatchObject({
    website_id: "shop",
    event_type: "custom",
    event_name: "paid",
    event_data: { total: 198 },
    client_ip: "203.0.113.7",
    user_agent: "Mozilla/5.0",
    url: "https://a.b/c",
    visitor_id: "user-7",
    timestamp: now,
    sent_at: now,
  });
});

test("the environment says what the options do not", async () => {
  vi.stubEnv("SPARKLYTICS_WEBSITE_ID", "blog");
  vi.stubEnv("SPARKLYTICS_API_HOST", "https://other.example");
  expect(await ended(trackServerEvent("read"))).toBe(true);
  expect(requests[0]).toMatchObject({ url: "https://other.example/api/collect", event: { website_id: "blog" } });
  expect(requests[0]!.init.headers).not.toHaveProperty("authorization");
});

test("what may succeed later is tried again with the same id and time", async () => {
  answers = [
    () => refusal(503, true),
    () => {
      throw new TypeError("no network");
    },
  ];
  expect(await ended(trackServerEvent("paid", {}, OPTIONS))).toBe(true);
  expect(requests).toHaveLength(3);
  expect(new Set(requests.map(({ event }) => `${event["event_id"]} ${event["timestamp"]}`)).size).toBe(1);
  expect(warnings).toEqual([]);
});

test.each([
  ["no retry helps", () => refusal(400, false), "why (c)"],
  ["the key is wrong", () => refusal(401, false, "0", "invalid_key"), expect.stringContaining("SPARKLYTICS_SERVER_KEY")],
  ["there is no such website", () => refusal(404, false, "0", "not_found"), expect.stringContaining("SPARKLYTICS_WEBSITE_ID")],
])("%s: false, and a warning", async (_, answer, why) => {
  answers = Array(9).fill(answer);
  expect(await ended(trackServerEvent("paid", {}, OPTIONS))).toBe(false);
  expect(requests).toHaveLength(1);
  const [told, ...more] = warnings.map((warning) => warning.replace('sparklytics: "paid" not taken: ', ""));
  expect(told).toEqual(why);
  expect(more).toEqual([]);
});

test.each([
  ["the collector stays away", () => refusal(503, true), 3, 503],
  ["it asks for more patience than a request has", () => refusal(429, true, "60"), 1, 429],
])("%s: false, and the event is sent later", async (_, answer, tries, status) => {
  answers = Array(tries).fill(answer);
  expect(await ended(trackServerEvent("paid", {}, OPTIONS))).toBe(false);
  expect(requests).toHaveLength(tries);
  expect(warnings).toEqual([expect.stringMatching(`answered ${status}: events wait in memory`)]);
  expect(await trackServerEvent("paid", {}, OPTIONS)).toBe(false);
  await vi.advanceTimersByTimeAsync(80_000);
  const last = JSON.parse(String(requests.at(-1)!.init.body));
  expect(last.map(({ event_id }: { event_id: string }) => event_id)).toContain(requests[0]!.event["event_id"]);
  expect(last).toHaveLength(2);
  expect(warnings).toHaveLength(1);
});

test("a second copy of the module in the same process shares what waits and what is known of the collector", async () => {
  answers = [() => refusal(429, true, "60")];
  await ended(trackServerEvent("paid", {}, OPTIONS));
  vi.resetModules();
  const copy = await import("../src/server");
  expect(copy.trackServerEvent).not.toBe(trackServerEvent);
  expect(await copy.trackServerEvent("paid", {}, OPTIONS)).toBe(false);
  expect(requests).toHaveLength(1);
});

test("events that count as the server's own are taken, and that is said once", async () => {
  answers = Array(3).fill(IGNORING("client_ip", "other", "user_agent"));
  for (let n = 0; n < 3; n++) expect(await ended(trackServerEvent("paid", {}, OPTIONS))).toBe(true);
  expect(warnings).toEqual([expect.stringMatching(/ignored client_ip and user_agent, .* SPARKLYTICS_SERVER_KEY/)]);
});

test("other fields that were ignored are no matter of keys", async () => {
  answers = [IGNORING("other")];
  expect(await ended(trackServerEvent("paid", {}, OPTIONS))).toBe(true);
  expect(warnings).toEqual([]);
});

test.each(["", "events.example"])("without an origin to send to nothing is tried: %j", async (apiHost) => {
  expect(await ended(trackServerEvent("paid", {}, { ...OPTIONS, apiHost }))).toBe(false);
  expect(requests).toEqual([]);
  expect(warnings).toEqual([expect.stringContaining("SPARKLYTICS_API_HOST")]);
});

test("a name makes no lines in a log", async () => {
  answers = [() => refusal(400, false)];
  expect(await ended(trackServerEvent("a\nb", {}, OPTIONS))).toBe(false);
  expect(await ended(trackServerEvent(Symbol() as never, {}, OPTIONS))).toBe(false);
  expect(warnings).toEqual(['sparklytics: "a\\nb" not taken: why (c)', expect.stringContaining("an event not taken")]);
});

test("what the collector would refuse is not sent; nothing rejects", async () => {
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  expect(await trackServerEvent("", {}, OPTIONS)).toBe(false);
  expect(await trackServerEvent("big", { text: "é".repeat(2_048) }, OPTIONS)).toBe(false);
  expect(await trackServerEvent("circle", circle, OPTIONS)).toBe(false);
  expect(await trackServerEvent("visitor", {}, { ...OPTIONS, visitorId: "x".repeat(65) })).toBe(false);
  expect(requests).toEqual([]);
  expect(warnings).toHaveLength(4);
});

test("visitors who want no tracking are not tracked, unless the app says so", async () => {
  const headers = new Headers({ "sec-gpc": "1" });
  expect(await ended(trackServerEvent("paid", {}, { ...OPTIONS, headers }))).toBe(false);
  expect(requests).toEqual([]);
  expect(await ended(trackServerEvent("paid", {}, { ...OPTIONS, headers, respectDnt: false }))).toBe(true);
});

test("an id of the app's own makes an event that is sent again the same", async () => {
  const own = { eventId: "3f0d7a52-4f6e-4a39-9f0e-0c2a4f4d9b11", timestamp: new Date(1_764_000_000_000) };
  expect(await ended(trackServerEvent("paid", {}, { ...OPTIONS, ...own }))).toBe(true);
  expect(requests[0]!.event).toMatchObject({ event_id: own.eventId, timestamp: own.timestamp.getTime() });
});
