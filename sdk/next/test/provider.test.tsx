// @vitest-environment happy-dom
import { StrictMode, useEffect, version } from "react";
import { beforeEach, expect, test } from "vitest";
import { useSparklytics } from "../src/index";
import { Page } from "./page";

beforeEach(() => history.replaceState(null, "", "/start"));

function Early() {
  const { track } = useSparklytics();
  useEffect(() => void track("early"), [track]);
  return <p>text</p>;
}

test("the versions of React that are promised", (context) => {
  const promised = context.task.file.projectName === "React 18" ? /^18\./ : /^19\./;
  expect(version).toMatch(promised);
});

test("a page view comes first, and the effects that StrictMode runs twice take one", async () => {
  const page = new Page();
  await page.show(<StrictMode>{page.provided(<Early />)}</StrictMode>);
  const arrived = await page.arrived();
  expect(arrived.filter((name) => name === "/start")).toHaveLength(1);
  expect(arrived[0]).toBe("/start");
  expect(page.place.innerHTML).toBe("<p>text</p>");
});

test("each change of the address is a page view, whichever router made it", async () => {
  const page = new Page();
  await page.show(page.provided(null));
  history.pushState(null, "", "/next");
  history.replaceState({ of: "a router" }, "", "/next");
  expect(await page.arrived()).toEqual(["/start", "/next"]);
  expect(page.sent[1]).toMatchObject({ event_type: "pageview", website_id: page.websiteId });
  await page.show(null);
  history.pushState(null, "", "/later");
  expect(await page.arrived()).toEqual(["/start", "/next"]);
});

test("what is disabled takes nothing until it is not", async () => {
  const page = new Page();
  await page.show(page.provided(<Early />, { disabled: true }));
  expect(await page.arrived()).toEqual([]);
  await page.show(page.provided(<Early />));
  expect(await page.arrived()).toEqual(["/start", "early"]);
});
