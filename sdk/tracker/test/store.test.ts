import { expect, test } from "vitest";
import { createStore, MAX_CHARACTERS, openBox, type Box } from "../src/store";

test("the oldest comes first, and what was removed is gone", () => {
  const store = createStore({}, "p:");
  for (const id of ["2", "1", "3"]) expect(store.add(id, `{"n":${id}}`)).toBe(true);
  store.remove("2");
  expect(store.all()).toEqual([["1", '{"n":1}'], ["3", '{"n":3}']]);
});

test("two stores over one box see the same events and leave the site's own texts alone", () => {
  const box: Box = { "p": "mine", "other:1": "mine" };
  const [one, two] = [createStore(box, "p:"), createStore(box, "p:")];
  one.add("1", "{1}");
  two.add("2", "{2}");
  expect(one.all()).toEqual(two.all());
  for (const [id] of one.all()) two.remove(id);
  expect(one.all()).toEqual([]);
  expect(box).toEqual({ "p": "mine", "other:1": "mine" });
});

test("a full store takes no more, and keeps what it has", () => {
  const store = createStore({}, "p:");
  expect(store.add("1", "x".repeat(MAX_CHARACTERS - 10))).toBe(true);
  expect(store.add("2", "x".repeat(9))).toBe(false);
  expect(store.add("3", "xxx")).toBe(true);
  expect(store.all().join("").length).toBeLessThanOrEqual(MAX_CHARACTERS);
  store.remove("1");
  expect(store.add("4", "x".repeat(9))).toBe(true);
  expect(store.all().map(([id]) => id)).toEqual(["3", "4"]);
});

test("what the browser has no room for waits in memory, in its order", () => {
  const full = new Proxy<Box>({ "p:2": "{2}" }, {
    set() {
      throw new DOMException("full", "QuotaExceededError");
    },
  });
  const store = createStore(full, "p:");
  expect(store.add("1", "{1}")).toBe(true);
  expect(store.all()).toEqual([["1", "{1}"], ["2", "{2}"]]);
  store.remove("1");
  expect(store.all()).toEqual([["2", "{2}"]]);
});

test.each([
  ["denies localStorage", () => { throw new DOMException("denied", "SecurityError"); }],
  ["has none", () => null],
])("a browser that %s gives memory", (_, get) => {
  Object.defineProperty(globalThis, "localStorage", { get, configurable: true });
  expect(openBox()).toEqual({});
});
