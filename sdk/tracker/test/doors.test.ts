import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createDelivery, LINGER_MS } from "../src/delivery";
import { postTo } from "../src/doors";
import { createStore, type Box } from "../src/store";
import { oneAtATime } from "./collector";

const URL = "https://events.example/api/collect";
const TAKEN = () => Response.json({ ok: true }, { status: 202 });
const asking = (seconds: string) => () => Response.json(null, { status: 429, headers: { "retry-after": seconds } });

let answer: () => Response;
let asked = 0;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0);
  asked = 0;
  vi.stubGlobal("fetch", async () => (asked++, answer()));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("before the time that the collector asked for nobody asks it, in whichever tab; then all may", async () => {
  const box: Box = {};
  const tabs = [postTo(URL, box, "until"), postTo(URL, box, "until")] as const;
  answer = asking("60");
  expect(await tabs[0]("[]")).toEqual({ status: 429, retryAfter: 60, body: null });
  answer = TAKEN;
  vi.setSystemTime(Date.now() + 59_000);
  for (const post of tabs) expect(await post("[]")).toEqual({ retryAfter: 1 });
  expect(asked).toBe(1);
  vi.setSystemTime(Date.now() + 1_000);
  for (const post of tabs) expect(await post("[]")).toMatchObject({ status: 202 });
  expect(asked).toBe(3);
});

test("nobody waits for more than an hour", async () => {
  answer = asking("86400");
  const box: Box = {};
  expect(await postTo(URL, box, "until")("[]")).toMatchObject({ retryAfter: 3_600 });
  expect(await postTo(URL, box, "until")("[]")).toEqual({ retryAfter: 3_600 });
});

test("an answer that asks for nothing leaves nothing behind", async () => {
  const box: Box = {};
  answer = TAKEN;
  await postTo(URL, box, "until")("[]");
  answer = asking("Fri, 31 Dec 2027 23:59:59 GMT");
  await postTo(URL, box, "until")("[]");
  expect(box).toEqual({});
});

test.each([
  ["a clock that was wrong", String(Date.now() + 1e12)],
  ["somebody else", "soon"],
])("what %s wrote holds nothing up", async (_, until) => {
  answer = TAKEN;
  expect(await postTo(URL, { until }, "until")("[]")).toMatchObject({ status: 202 });
});

test("in a full box the answer is an answer as well", async () => {
  const full = new Proxy<Box>({}, {
    set() {
      throw new DOMException("full", "QuotaExceededError");
    },
  });
  answer = asking("60");
  expect(await postTo(URL, full, "until")("[]")).toMatchObject({ status: 429, retryAfter: 60 });
});

test("no network is no answer", async () => {
  answer = () => {
    throw new TypeError("Failed to fetch");
  };
  expect(await postTo(URL, {}, "until")("[]")).toBeUndefined();
});

test("Retry-After is kept: neither a new event, nor the network's return, nor a page's end, nor another page sends before it", async () => {
  const box: Box = {};
  const lock = oneAtATime();
  const tab = () => createDelivery(createStore(box, "event:"), postTo(URL, box, "until"), lock, () => {});
  answer = asking("10");
  const first = tab();
  first.take("1", '{"n":1}');
  await vi.advanceTimersByTimeAsync(LINGER_MS);
  expect(asked).toBe(1);
  answer = TAKEN;
  first.take("2", '{"n":2}');
  first.wake();
  first.leave();
  const second = tab();
  second.wake();
  second.take("3", '{"n":3}');
  second.leave();
  await vi.advanceTimersByTimeAsync(9_900);
  expect(asked).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000 + 3 * LINGER_MS);
  // One tab sends it all; the others find nothing left.
  expect(asked).toBe(2);
  expect(Object.keys(box)).toEqual(["until"]);
});
