import { expect, test } from "vitest";
import { optedOut, plainAddress, visitorOf } from "../src/visitor";

test.each([
  ["203.0.113.7", "203.0.113.7"],
  [" 203.0.113.7:4711 ", "203.0.113.7"],
  ["2001:db8::1", "2001:db8::1"],
  ["[2001:db8::1]:443", "2001:db8::1"],
  ["fe80::1%eth0", "fe80::1"],
  ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
  ["192.0.2.01", ""],
  ["192.0.2.256", ""],
  ["unknown", ""],
  ["2001:db8::1::2", ""],
  ["]:evil/[", ""],
  ["", ""],
])("%j is the address %j", (entry, address) => expect(plainAddress(entry)).toBe(address));

const headers = (from: string) => new Headers({ "x-forwarded-for": from });

test("an address is read from the right, as far as there are proxies", () => {
  const read = headers("192.0.2.66, 198.51.100.1, 10.0.0.7");
  expect(visitorOf(read, 1).client_ip).toBe("10.0.0.7");
  expect(visitorOf(read, 2).client_ip).toBe("198.51.100.1");
  expect(visitorOf(read, 4).client_ip).toBe("");
  expect(visitorOf(read, 0).client_ip).toBe("");
});

test("agent, language and page; a long agent is cut as the collector cuts the header", () => {
  const read = new Headers({
    "user-agent": "a".repeat(2_000),
    "accept-language": "de-AT,de;q=0.9",
    referer: "https://shop.example/cart",
  });
  expect(visitorOf(read, 1)).toEqual({
    client_ip: "",
    user_agent: "a".repeat(1_024),
    language: "de-AT",
    url: "https://shop.example/cart",
  });
});

test("the visitor's word against tracking", () => {
  expect(optedOut(new Headers())).toBe(false);
  expect(optedOut(new Headers({ dnt: "0" }))).toBe(false);
  expect(optedOut(new Headers({ dnt: "1" }))).toBe(true);
  expect(optedOut(new Headers({ "sec-gpc": "1" }))).toBe(true);
});
