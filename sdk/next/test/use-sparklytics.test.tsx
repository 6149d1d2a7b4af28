// @vitest-environment happy-dom
import { expect, expectTypeOf, test, vi } from "vitest";
import { useSparklytics, type Sparklytics } from "../src/index";
import { Page } from "./page";

interface ShopEvents {
  purchase: { plan: "free" | "pro"; amount?: number };
  signup: undefined;
  search: { words: string } | undefined;
}

let held: Sparklytics<ShopEvents>;
let renderings = new Set<unknown>();

function Shop() {
  held = useSparklytics<ShopEvents>();
  renderings.add(held.track);
  return null;
}

test("track, identify and reset; the same functions in each rendering", async () => {
  renderings = new Set();
  const page = new Page();
  await page.show(page.provided(<Shop />, { pageViews: false }));
  expect(held.track("signup")).toBe(true);
  expect(held.identify("user-7")).toBe(true);
  expect(held.track("purchase", { plan: "pro" })).toBe(true);
  held.reset();
  expect(held.track("search", { words: "red" })).toBe(true);
  await page.show(page.provided(<Shop />, { pageViews: false }));
  expect(renderings.size).toBe(1);
  await page.arrived();
  expect(page.sent.map(({ event_name, event_data, visitor_id }) => [event_name, event_data, visitor_id])).toEqual([
    ["signup", undefined, undefined],
    ["purchase", { plan: "pro" }, "user-7"],
    ["search", { words: "red" }, undefined],
  ]);
});

test("names and properties are those of the app's type", () => {
  const track = (() => true) as Sparklytics<ShopEvents>["track"];
  track("search");
  // @ts-expect-error: no such event
  track("purchased", { plan: "pro" });
  // @ts-expect-error: no such plan
  track("purchase", { plan: "gold" });
  // @ts-expect-error: the properties are missing
  track("purchase");
  // @ts-expect-error: it has none
  track("signup", { plan: "pro" });
  expectTypeOf<Parameters<Sparklytics["track"]>>().toEqualTypeOf<[name: string, data?: object | undefined]>();
});

test("without a provider nothing is taken, and the console says why", async () => {
  const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
  await new Page().show(<Shop />);
  expect(held.track("signup")).toBe(false);
  expect(held.identify("me")).toBe(false);
  held.reset();
  expect(warned).toHaveBeenCalledWith("sparklytics: not taken: there is no SparklyticsProvider above");
});
