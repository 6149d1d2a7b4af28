import { renderToString } from "react-dom/server";
import { expect, test } from "vitest";
import { SparklyticsEvent, SparklyticsProvider, usePageview, useSparklytics } from "../src/index";

const taken: boolean[] = [];

function Page() {
  usePageview();
  const { track, identify, reset } = useSparklytics();
  taken.push(track("rendered"), identify("me"));
  reset();
  return (
    <SparklyticsEvent name="click">
      <button>Buy</button>
    </SparklyticsEvent>
  );
}

test("a server renders the same elements and takes nothing", () => {
  expect(typeof window).toBe("undefined");
  const html = renderToString(
    <SparklyticsProvider websiteId="demo" apiHost="https://events.example">
      <Page />
    </SparklyticsProvider>,
  );
  expect(html).toBe("<button>Buy</button>");
  expect(taken).toEqual([false, false]);
});
