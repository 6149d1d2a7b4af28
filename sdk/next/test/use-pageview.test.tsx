// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { usePageview } from "../src/index";
import { Page } from "./page";

beforeEach(() => history.replaceState(null, "", "/start"));

function Counted() {
  usePageview();
  return null;
}

test("without the provider's own page views a component takes them, as long as it is there", async () => {
  const page = new Page();
  await page.show(page.provided(null, { pageViews: false }));
  history.pushState(null, "", "/uncounted");
  expect(await page.arrived()).toEqual([]);
  await page.show(page.provided([<Counted key="1" />, <Counted key="2" />], { pageViews: false }));
  history.pushState(null, "", "/counted");
  expect(await page.arrived()).toEqual(["/uncounted", "/counted"]);
});
