// @vitest-environment happy-dom
import { createRef, type MouseEvent } from "react";
import { expect, test } from "vitest";
import { SparklyticsEvent } from "../src/index";
import { Page } from "./page";

test("a click on the child is tracked; its own handler and ref stay, and no element is added", async () => {
  const page = new Page();
  const button = createRef<HTMLButtonElement>();
  const clicks: string[] = [];
  const clicked = (event: MouseEvent) => void clicks.push(event.type);
  await page.show(
    page.provided(
      <SparklyticsEvent name="demo_request" data={{ source: "pricing" }}>
        <button ref={button} onClick={clicked}>
          Request Demo
        </button>
      </SparklyticsEvent>,
      { pageViews: false },
    ),
  );
  expect(page.place.innerHTML).toBe("<button>Request Demo</button>");
  button.current!.click();
  expect(clicks).toEqual(["click"]);
  expect(await page.arrived()).toEqual(["demo_request"]);
  expect(page.sent[0]).toMatchObject({ event_data: { source: "pricing" } });
});

test("a handler that throws costs no event", async () => {
  const page = new Page();
  const broken = () => {
    throw new Error("of the app");
  };
  addEventListener("error", (event) => event.preventDefault(), { once: true });
  await page.show(
    page.provided(
      <SparklyticsEvent name="kept">
        <button onClick={broken}>Break</button>
      </SparklyticsEvent>,
      { pageViews: false },
    ),
  );
  try {
    page.place.querySelector("button")!.click();
  } catch {
    // React 18 lets it through to here.
  }
  expect(await page.arrived()).toEqual(["kept"]);
});

function Picker({ onValueChange }: { onValueChange?: (value: string) => string }) {
  return <button onClick={() => onValueChange?.("red")}>Red</button>;
}

test("other triggers, of elements and of components; text and what has no handler stay as they are", async () => {
  const page = new Page();
  await page.show(
    page.provided(
      <>
        <SparklyticsEvent name="sent" on="submit">
          <form onSubmit={(event) => event.preventDefault()} />
        </SparklyticsEvent>
        <SparklyticsEvent name="picked" on="valueChange">
          <Picker />
        </SparklyticsEvent>
        <SparklyticsEvent name="never">text</SparklyticsEvent>
      </>,
      { pageViews: false },
    ),
  );
  page.place.querySelector("form")!.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
  page.place.querySelector("button")!.click();
  expect(page.place.textContent).toBe("Redtext");
  expect(await page.arrived()).toEqual(["sent", "picked"]);
});
