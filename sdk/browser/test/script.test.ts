// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from "vitest";
import type { Global } from "../src/script";

let element: HTMLScriptElement;

beforeEach(() => {
  vi.resetModules();
  delete window.sparklytics;
  element = document.createElement("script");
  element.dataset["websiteId"] = "demo";
  element.dataset["apiHost"] = "https://events.example";
  Object.defineProperty(document, "currentScript", { value: element, configurable: true });
});

test("calls before the script are kept, in their order, and a function that a page holds on to goes on to work", async () => {
  vi.useFakeTimers();
  const sent: string[] = [];
  vi.stubGlobal("fetch", async (_: string, { body }: { body: string }) => {
    for (const event of JSON.parse(body)) sent.push(event.event_name ?? event.event_type);
    return Response.json({ ok: true, rejected: [] }, { status: 202 });
  });

  // The stub of docs/browser.md.
  const stub: Global = (window.sparklytics = { q: [] as never[] } as unknown as Global);
  for (const name of ["track", "identify", "reset"] as const) {
    stub[name] = ((...given: unknown[]) => stub.q!.push([name, ...given])) as never;
  }
  const held = stub.track;
  held("first");
  stub.identify("me");
  stub.track("second");

  const { start } = await import("../src/script");
  held("third");
  window.sparklytics!.track("fourth");
  start(element);
  window.sparklytics!.track("fifth");
  await vi.advanceTimersByTimeAsync(500);
  expect(sent).toEqual(["pageview", "first", "second", "third", "fourth", "fifth"]);
});

test.each([
  ["names no website", (made: HTMLScriptElement) => delete made.dataset["websiteId"]],
  ["names a collector that is no address", (made: HTMLScriptElement) => (made.dataset["apiHost"] = "events.example")],
])("a script element that %s: the console says so, and the page finds nothing that would throw", async (_, spoil) => {
  const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
  spoil(element);
  await import("../src/script");
  expect(window.sparklytics).toBeUndefined();
  expect(warned).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("sparklytics: "));
});
