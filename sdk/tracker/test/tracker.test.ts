// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createTracker, isSilent, type TrackerOptions } from "../src/tracker";

const OPTIONS: TrackerOptions = { websiteId: "demo", apiHost: "https://events.example" };
const sent: Record<string, unknown>[] = [];
const warnings: string[] = [];
let page: AbortController;

/** Listeners that end with their test: all tests share one window. */
function listenFor(target: Window | Document): void {
  const original = target.addEventListener.bind(target) as (name: string, heard: EventListener, options: object) => void;
  target.addEventListener = ((name: string, heard: EventListener) => original(name, heard, { signal: page.signal })) as never;
}
listenFor(window);
listenFor(document);

beforeEach(() => {
  page = new AbortController();
  vi.useFakeTimers();
  localStorage.clear();
  sent.length = warnings.length = 0;
  history.replaceState(null, "", "/start?utm_source=news#top");
  vi.spyOn(console, "warn").mockImplementation((message) => void warnings.push(message));
  vi.stubGlobal("fetch", async (url: string, { body }: { body: string }) => {
    expect(url).toBe("https://events.example/api/collect");
    const events = JSON.parse(body);
    sent.push(...events);
    const rejected = events.flatMap((event: { event_name?: string }, index: number) =>
      event.event_name === "refused" ? [{ index, code: "validation_error", message: "[0].url: is wrong", retry: false }] : [],
    );
    return Response.json({ ok: true, accepted: 1, rejected }, { status: 202 });
  });
});
afterEach(() => {
  page.abort();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const arrived = async () => {
  await vi.advanceTimersByTimeAsync(500);
  return sent;
};

test("an event says what the collector wants to know", async () => {
  const now = Date.now();
  expect(createTracker(OPTIONS).track("purchase", { plan: "pro" })).toBe(true);
  const [event] = await arrived();
  expect(event).toMatchObject({
    website_id: "demo",
    event_type: "custom",
    event_name: "purchase",
    event_data: { plan: "pro" },
    url: location.href,
    timestamp: now,
    sent_at: now + 250,
  });
  expect(event).not.toHaveProperty("visitor_id");
});

test("what the collector would refuse is not taken, and said on the console", async () => {
  const tracker = createTracker(OPTIONS);
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const broken = {
    get now() {
      throw new Error("broken getter");
    },
  };
  expect(tracker.track("")).toBe(false);
  expect(tracker.track("a", { text: "x".repeat(4_096) })).toBe(false);
  expect(tracker.track("a", circle)).toBe(false);
  expect(tracker.track("a", broken)).toBe(false);
  expect(tracker.track(Symbol("a") as never)).toBe(false);
  expect(tracker.track("a", { n: 1n })).toBe(false);
  expect(tracker.track("a", { text: "x".repeat(2_000_000) })).toBe(false);
  expect(tracker.identify("x".repeat(65))).toBe(false);
  expect(await arrived()).toEqual([]);
  expect(warnings.length).toBe(8);
  expect(warnings[1]).toBe("sparklytics: not taken: event_data has 4107 bytes, not 1 to 4096");
});

test("a page view is taken once for an address, and the page before is its referrer", async () => {
  const tracker = createTracker({ ...OPTIONS, excludeHash: true });
  expect(tracker.pageView()).toBe(true);
  history.pushState(null, "", "#bottom");
  expect(tracker.pageView()).toBe(false);
  history.pushState(null, "", "/next");
  expect(tracker.pageView()).toBe(true);
  const views = await arrived();
  expect(views.map(({ event_type, url }) => [event_type, url])).toEqual([
    ["pageview", `${location.origin}/start?utm_source=news`],
    ["pageview", `${location.origin}/next`],
  ]);
  expect(views[1]).toMatchObject({ referrer: `${location.origin}/start?utm_source=news` });
  expect(views[0]).not.toHaveProperty("event_name");
});

test("an address that is too long goes without what follows its path", async () => {
  history.replaceState(null, "", "/long?q=" + "x".repeat(2_100));
  createTracker(OPTIONS).track("a");
  expect((await arrived())[0]).toMatchObject({ url: `${location.origin}/long` });
});

test("identify holds for later events and later pages, until reset", async () => {
  const tracker = createTracker(OPTIONS);
  tracker.track("before");
  expect(tracker.identify("user-7")).toBe(true);
  tracker.track("known");
  createTracker(OPTIONS).track("next page");
  tracker.reset();
  tracker.track("after");
  const names = Object.fromEntries((await arrived()).map((event) => [event["event_name"], event["visitor_id"]]));
  expect(names).toEqual({ before: undefined, known: "user-7", "next page": "user-7", after: undefined });
});

test("debug says what was refused, with index and reason; else nothing is said", async () => {
  createTracker(OPTIONS).track("refused");
  await arrived();
  expect(warnings).toEqual([]);
  createTracker({ ...OPTIONS, debug: true }).track("refused");
  await arrived();
  expect(warnings).toEqual(["sparklytics: refused: [0].url: is wrong (validation_error)"]);
});

test.each([
  [{ disabled: true }, {}, true],
  [{}, { doNotTrack: "1" }, true],
  [{}, { globalPrivacyControl: true }, true],
  [{ respectDnt: false }, { doNotTrack: "1", globalPrivacyControl: true }, false],
  [{}, { doNotTrack: "0", globalPrivacyControl: false }, false],
])("%j with %j is silent: %j", async (options, signals, silent) => {
  vi.stubGlobal("navigator", { language: "en", ...signals });
  expect(isSilent({ ...OPTIONS, ...options })).toBe(silent);
  const tracker = createTracker({ ...OPTIONS, ...options });
  expect(tracker.track("a")).toBe(!silent);
  expect(tracker.identify("me")).toBe(!silent);
  expect(localStorage.length > 0).toBe(!silent);
  expect((await arrived()).length).toBe(silent ? 0 : 1);
});

test("what an earlier page left is sent by the next, as it was", async () => {
  const online = fetch;
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
  createTracker(OPTIONS).track("offline_action", { n: 1 });
  const left = { ...localStorage };
  expect(Object.keys(left).length).toBe(1);
  vi.clearAllTimers();
  vi.stubGlobal("fetch", online);
  createTracker(OPTIONS);
  const [event] = await arrived();
  const { sent_at, ...rest } = event!;
  expect(JSON.stringify(rest)).toBe(Object.values(left)[0]);
  expect(sent_at).toBeTypeOf("number");
  expect(localStorage.length).toBe(0);
});

test("the page's end and its hiding send what waits at once; its return, and the network's, end a wait", async () => {
  const hidden = vi.spyOn(document, "hidden", "get");
  const tracker = createTracker(OPTIONS);
  const sentBy = (act: () => void) => {
    const before = sent.length;
    tracker.track("a");
    act();
    return sent.length - before;
  };
  expect(sentBy(() => dispatchEvent(new Event("pagehide")))).toBe(1);
  await arrived();
  hidden.mockReturnValue(true);
  expect(sentBy(() => document.dispatchEvent(new Event("visibilitychange")))).toBe(1);
  await arrived();
  hidden.mockReturnValue(false);
  for (const act of [() => document.dispatchEvent(new Event("visibilitychange")), () => dispatchEvent(new Event("online"))]) {
    const online = fetch;
    vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
    tracker.track("a");
    // Long enough for pauses of minutes.
    await vi.advanceTimersByTimeAsync(600_000);
    vi.stubGlobal("fetch", online);
    const before = sent.length;
    act();
    await vi.advanceTimersByTimeAsync(300);
    expect(sent.length).toBe(before + 1);
  }
});

test("a page that comes back from where the browser kept it is viewed again, with the same referrer", async () => {
  const tracker = createTracker(OPTIONS);
  expect(tracker.pageView()).toBe(true);
  dispatchEvent(new Event("pagehide"));
  expect(tracker.pageView()).toBe(true);
  expect(tracker.pageView()).toBe(false);
  const views = await arrived();
  expect(views.map(({ url, referrer }) => [url, referrer])).toEqual(Array(2).fill([location.href, document.referrer]));
});

test("nothing that the browser refuses reaches the page", async () => {
  const broken: unknown[] = [];
  const note = (event: Event) => void broken.push(event);
  for (const name of ["error", "unhandledrejection"]) addEventListener(name, note);
  vi.stubGlobal("fetch", () => {
    throw new Error("fetch is not for you");
  });
  vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new DOMException("full", "QuotaExceededError");
  });
  const tracker = createTracker(OPTIONS);
  expect(tracker.track("a")).toBe(true);
  tracker.identify("me");
  dispatchEvent(new Event("pagehide"));
  await vi.advanceTimersByTimeAsync(10_000);
  vi.restoreAllMocks();
  expect(broken).toEqual([]);
});

test("a full store takes no more, and says so", () => {
  localStorage.setItem("sparklytics:demo:event:0", "x".repeat(1_000_000));
  expect(createTracker(OPTIONS).track("a")).toBe(false);
  expect(warnings).toEqual(["sparklytics: not taken: the store is full"]);
});
