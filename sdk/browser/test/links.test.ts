// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { trackLinks } from "../src/links";
import { remembering } from "./tracked";

test("links to other hosts and downloads are tracked, others are not", () => {
  (window as unknown as { happyDOM: { setURL(url: string): void } }).happyDOM.setURL("https://shop.example/");
  document.body.innerHTML = `
    <a id="out" href="https://other.example/x"><b>out</b></a>
    <a id="in" href="/cart">in</a>
    <a id="file" href="/list.pdf" download>file</a>
    <a id="mail" href="mailto:me@other.example">mail</a>
    <a id="bare">bare</a>
    <p id="text">text</p>`;
  const { tracker, tracked } = remembering();
  trackLinks(tracker);
  addEventListener("click", (event) => event.preventDefault(), true);
  for (const place of ["#out b", "#in", "#file", "#mail", "#bare", "#text"]) {
    document.querySelector(place)!.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
  }
  document.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  expect(tracked).toEqual([
    ["link_click", { url: "https://other.example/x" }],
    ["link_click", { url: "https://shop.example/list.pdf" }],
  ]);
});
