// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { watchHistory } from "../src/history";

test("each change of the address is told after it happened, as is the page's return; history does what it did", () => {
  const seen: string[] = [];
  watchHistory(() => seen.push(location.pathname));
  history.pushState({ n: 1 }, "", "/one");
  history.replaceState(null, "", "/two");
  dispatchEvent(new PopStateEvent("popstate"));
  dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
  expect(seen).toEqual(["/one", "/two", "/two", "/two"]);
  expect(history.state).toBe(null);
});
