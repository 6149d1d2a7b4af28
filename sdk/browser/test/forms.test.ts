// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { trackForms } from "../src/forms";
import { remembering } from "./tracked";

test("a form is named, and nothing of what was typed is told", () => {
  document.body.innerHTML = `<form id="order" name="cart"><input name="id" value="secret"></form><form></form>`;
  const { tracker, tracked } = remembering();
  trackForms(tracker);
  for (const form of document.forms) form.dispatchEvent(new Event("submit", { bubbles: true }));
  // By a script of the page, of nothing that has attributes.
  dispatchEvent(new Event("submit"));
  expect(tracked).toEqual([
    ["form_submit", { id: "order", name: "cart" }],
    ["form_submit", { id: "", name: "" }],
    ["form_submit", { id: "", name: "" }],
  ]);
});
