// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { trackScroll } from "../src/scroll";
import { remembering } from "./tracked";

function scrollTo(y: number): void {
  Object.defineProperty(window, "scrollY", { value: y, configurable: true });
  dispatchEvent(new Event("scroll"));
}

test("each step of the way down is tracked once for a page view", () => {
  Object.defineProperty(document.documentElement, "scrollHeight", { value: 4_000 });
  Object.defineProperty(window, "innerHeight", { value: 500 });
  const { tracker, tracked } = remembering();
  const anew = trackScroll(tracker);
  const percents = () => tracked.splice(0).map(([, data]) => (data as { percent: number }).percent);
  scrollTo(100);
  expect(percents()).toEqual([]);
  scrollTo(500);
  scrollTo(400);
  scrollTo(500);
  expect(percents()).toEqual([25]);
  scrollTo(3_499.5);
  expect(percents()).toEqual([50, 75, 100]);
  anew();
  scrollTo(1_500);
  expect(percents()).toEqual([25, 50]);
});
