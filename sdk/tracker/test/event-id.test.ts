import { expect, test } from "vitest";
import { newEventId } from "../src/event-id";

const NOW = 1_770_000_000_123;

test("it is a UUID of version 7 that carries the time", () => {
  const id = newEventId(NOW);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(parseInt(id.replace("-", "").slice(0, 12), 16)).toBe(NOW);
});

test("ids sort as they were made, also within a millisecond, and none comes twice", () => {
  const made = [0, 0, 0, 1, 1, 2, 300, 300].map((later) => newEventId(NOW + 10 + later));
  expect([...made].sort()).toEqual(made);
  expect(new Set(made).size).toBe(made.length);
});
