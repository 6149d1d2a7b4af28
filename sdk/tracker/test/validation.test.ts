import { expect, test } from "vitest";
import { bytesOf, compact, flawOfData, flawOfName, flawOfVisitorId } from "../src/validation";

test.each([
  ["a", true],
  ["é".repeat(255), true],
  ["😀".repeat(255), true],
  ["  " + "a".repeat(255) + " \u0085", true],
  ["a".repeat(256), false],
  ["", false],
  [" \u0085\u2003 ", false],
  ["\ufeff", true],
  [7, false],
  [undefined, false],
])("a name is 1 to 255 characters after trimming: %j", (name, good) => {
  expect(flawOfName(name) === "").toBe(good);
});

test("a flaw says what is wrong", () => {
  expect(flawOfName("a".repeat(300))).toBe("the event name has 300 characters, not 1 to 255");
  expect(flawOfData(compact({ a: "x".repeat(5_000) }))).toBe("event_data has 5008 bytes, not 1 to 4096");
});

test("properties are counted in bytes of UTF-8", () => {
  const frame = bytesOf('{"a":""}');
  expect(flawOfData(compact({ a: "é".repeat((4_096 - frame) / 2) }))).toBe("");
  expect(flawOfData(compact({ a: "é".repeat((4_096 - frame) / 2) + "x" }))).not.toBe("");
});

test("half an emoji counts and is sent as U+FFFD, a text that looks like its escape stays", () => {
  expect(compact({ a: "\ud83d" })).toBe('{"a":"\ufffd"}');
  expect(compact({ a: "\\ud83d" })).toBe('{"a":"\\\\ud83d"}');
  expect(JSON.parse(compact({ a: "\\\ud83d😀\n" })!)).toEqual({ a: "\\\ufffd😀\n" });
});

test.each([[[1]], [new Date(0)], [() => 1]])("properties that are no object are refused: %s", (data) => {
  expect(flawOfData(compact(data))).toBe("event_data is no object");
});

test.each([
  ["é".repeat(32), true],
  ["é".repeat(33), false],
  ["", false],
  [7, false],
])("a visitor id is 1 to 64 bytes: %j", (id, good) => {
  expect(flawOfVisitorId(id) === "").toBe(good);
});
