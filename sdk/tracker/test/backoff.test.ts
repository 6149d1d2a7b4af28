import fc from "fast-check";
import { expect, test } from "vitest";
import { pause } from "../src/backoff";

test("it doubles up to five minutes", () => {
  expect([1, 2, 3, 9, 10, 5_000].map((failures) => pause(failures, 0, 0))).toEqual([1_000, 2_000, 4_000, 256_000, 300_000, 300_000]);
});

test("chance takes up to a half of it away", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
      const most = pause(failures, 0, 0);
      const found = pause(failures, 0, random);
      return found <= most && found >= most / 2;
    }),
  );
});

test("Retry-After is not undercut", () => {
  expect(pause(1, 7, 0)).toBe(7_000);
  expect(pause(9, 7, 0.999)).toBeLessThan(9_000);
});
