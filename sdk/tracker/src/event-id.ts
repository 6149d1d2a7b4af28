let latest = 0;
let count = 0;

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");

/**
 * A UUID of version 7 (RFC 9562): `now` in Unix milliseconds, then a count within the millisecond, then chance.
 * Of the ids of one page the later is also the greater text, so that ids sort as the events happened.
 */
export function newEventId(now: number): string {
  count = now === latest ? count + 1 : 0;
  latest = now;
  const chance = [...crypto.getRandomValues(new Uint32Array(2))].map((value) => hex(value, 8)).join("").slice(1);
  // 7 is the version, 8 the variant.
  const digits = `${hex(now, 12)}7${hex(count & 4095, 3)}8${chance}`;
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
