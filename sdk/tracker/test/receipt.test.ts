import fc from "fast-check";
import { expect, test } from "vitest";
import { fates, type Answer } from "../src/receipt";

const entry = (index: number, retry: boolean) => ({ index, code: "c", message: "m", retry });
const answer = (status: number, body: object | null) => ({ status, retryAfter: 0, body });

test("a receipt takes all but those that it names", () => {
  const refused = entry(1, false);
  expect(fates(answer(202, { ok: true, rejected: [refused, entry(3, true)] }), 4)).toEqual(["taken", refused, "taken", "again"]);
});

test("an answer that took nothing ends only what no retry can help", () => {
  const refused = entry(0, false);
  expect(fates(answer(400, { error: {}, rejected: [refused] }), 1)).toEqual([refused]);
  expect(fates(answer(503, { error: {}, rejected: [entry(0, true)] }), 1)).toEqual(["again"]);
});

test.each([
  ["a gateway's page", answer(502, null)],
  ["a refusal before the events were read", answer(400, { error: {}, rejected: [] })],
  ["a portal that answers everything with 200", answer(200, { ok: true })],
  ["a 202 whose body was cut off", answer(202, null)],
  ["no answer", undefined],
])("no receipt, no end: %s", (_, found) => {
  expect(fates(found, 2)).toEqual(["again", "again"]);
});

const strange = fc.oneof(
  fc.jsonValue(),
  fc.record({ rejected: fc.jsonValue() }),
  fc.record({ rejected: fc.array(fc.oneof(fc.jsonValue(), fc.record({ index: fc.oneof(fc.jsonValue(), fc.constant("length")) }))) }),
);

test("whoever answers and whatever it says: no event ends without a receipt, and nothing breaks", () => {
  fc.assert(
    fc.property(fc.constantFrom(200, 400, 404, 502), strange, (status, body) => {
      const found = fates({ status, retryAfter: 0, body } as unknown as Answer, 3);
      expect(found).toEqual(["again", "again", "again"]);
    }),
  );
});
