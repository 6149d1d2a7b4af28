// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { readOptions } from "../src/options";

function element(attributes: Record<string, string>): HTMLScriptElement {
  const made = document.createElement("script");
  // The address is known before the element is in a page, and is not fetched.
  Object.defineProperty(made, "src", { value: "https://events.example/s.js" });
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

test("the script's own host is the collector, and all else is as a visitor would like it", () => {
  expect(readOptions(element({ "data-website-id": "demo" }))).toEqual({
    websiteId: "demo",
    apiHost: "https://events.example",
    respectDnt: true,
    excludeHash: false,
    disabled: false,
    debug: false,
    trackLinks: false,
    trackForms: false,
    trackScroll: false,
  });
});

test("an attribute is on when it is there, unless it says false", () => {
  const found = readOptions(
    element({
      "data-website-id": "demo",
      "data-api-host": "https://other.example/",
      "data-respect-dnt": "false",
      "data-exclude-hash": "",
      "data-debug": "true",
      "data-track-links": "false",
    }),
  );
  expect(found).toMatchObject({
    apiHost: "https://other.example",
    respectDnt: false,
    excludeHash: true,
    debug: true,
    trackLinks: false,
  });
});

test.each([
  [{}, "no data-website-id"],
  [{ "data-website-id": "" }, "no data-website-id"],
  [{ "data-website-id": "demo", "data-api-host": "events.example" }, "URL"],
])("%j describes no tracker", (attributes, message) => {
  expect(() => readOptions(element(attributes))).toThrow(message);
});
