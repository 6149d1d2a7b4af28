// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { watchHistory } from "../src/history";

test("each change of the address is told after it happened, and history does what it did", () => {
  const seen: string[] = [];
  watchHistory(() => seen.push(location.pathname));
  history.pushState({ n: 1 }, "", "/one");
  history.replaceState(null, "", "/two");
  dispatchEvent(new PopStateEvent("popstate"));
  expect(seen).toEqual(["/one", "/two", "/two"]);
  expect(history.state).toBe(null);
});
