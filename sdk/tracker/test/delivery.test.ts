import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BATCH_EVENTS, createDelivery, FLYING_BYTES, LINGER_MS, type Delivery } from "../src/delivery";
import { createStore, type Box } from "../src/store";
import { bytesOf } from "../src/validation";
import { Collector, oneAtATime, type Weather } from "./collector";

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.5);
});
afterEach(() => {
  vi.useRealTimers();
});

/** Tabs of one browser over one box, and their collector. */
class World {
  readonly box: Box = {};
  readonly collector = new Collector();
  readonly told: number[] = [];
  readonly lock = oneAtATime();
  taken: string[] = [];

  tab(): Delivery {
    return createDelivery(createStore(this.box, "p:"), this.collector.post, this.lock, ({ index }) => this.told.push(index));
  }

  take(tab: Delivery, more: object = {}): void {
    const id = String(this.taken.length).padStart(6, "0");
    if (tab.take(id, JSON.stringify({ event_id: id, ...more }))) this.taken.push(id);
  }

  sent(): string[] {
    return this.collector.bodies.flatMap((body) => JSON.parse(body).map((event: { event_id: string }) => event.event_id));
  }
}

test("events that come together leave together, each once, the oldest first, with the time of sending", async () => {
  const world = new World();
  const tab = world.tab();
  for (let n = 0; n < 7; n++) world.take(tab);
  await vi.advanceTimersByTimeAsync(LINGER_MS - 1);
  expect(world.collector.bodies).toEqual([]);
  const at = Date.now() + 1;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(world.collector.bodies.length).toBe(1);
  expect(world.sent()).toEqual(world.taken);
  expect(JSON.parse(world.collector.bodies[0]!)[0]).toEqual({ event_id: "000000", sent_at: at });
  expect(world.box).toEqual({});
});

test("no request has more events or bytes than it may", async () => {
  const world = new World();
  const tab = world.tab();
  for (let n = 0; n < 120; n++) world.take(tab, { data: n < 60 ? "é".repeat(2_000) : "" });
  await vi.runAllTimersAsync();
  expect(world.sent()).toEqual(world.taken);
  for (const body of world.collector.bodies) {
    expect(bytesOf(body)).toBeLessThanOrEqual(FLYING_BYTES);
    expect(JSON.parse(body).length).toBeLessThanOrEqual(BATCH_EVENTS);
  }
});

test("what waits is sent when the page goes, beside what is on its way, and all of it fits what a page may leave behind", async () => {
  const world = new World();
  const tab = world.tab();
  for (let n = 0; n < 20; n++) world.take(tab, { data: "x".repeat(2_000) });
  await vi.advanceTimersByTimeAsync(LINGER_MS);
  expect(world.collector.bodies.length).toBe(1);
  for (let n = 0; n < 20; n++) world.take(tab, { data: "x".repeat(2_000) });
  tab.leave();
  expect(world.collector.bodies.length).toBe(2);
  expect(world.collector.bodies.map(bytesOf).reduce((a, b) => a + b)).toBeLessThanOrEqual(FLYING_BYTES);
  // The page was only hidden: the rest follows.
  await vi.runAllTimersAsync();
  expect(world.sent()).toEqual(world.taken);
});

test("an event that is refused for ever is told of and not sent again; the others of its request are taken", async () => {
  const world = new World();
  const tab = world.tab();
  world.take(tab);
  world.take(tab, { refuse: true });
  await vi.runAllTimersAsync();
  expect(world.told).toEqual([1]);
  expect([...world.collector.accepted.keys()]).toEqual(["000000"]);
  expect(world.collector.bodies.length).toBe(1);
  expect(world.box).toEqual({});
});

test("what an answer asks for is waited for", async () => {
  const world = new World();
  const tab = world.tab();
  world.collector.weather = "503";
  world.take(tab);
  await vi.advanceTimersByTimeAsync(LINGER_MS + 5);
  world.collector.weather = "fine";
  world.take(tab);
  await vi.advanceTimersByTimeAsync(999);
  expect(world.collector.bodies.length).toBe(1);
  await vi.advanceTimersByTimeAsync(200 + LINGER_MS);
  expect(world.collector.bodies.length).toBe(2);
  expect([...world.collector.accepted.keys()]).toEqual(world.taken);
});

test("while nothing answers the tries become rarer, and the network's return ends the wait", async () => {
  const world = new World();
  const tab = world.tab();
  world.collector.weather = "lost before";
  world.take(tab);
  await vi.advanceTimersByTimeAsync(60_000);
  const tries = world.collector.bodies.length;
  expect(tries).toBeGreaterThanOrEqual(6);
  expect(tries).toBeLessThanOrEqual(7);
  world.collector.weather = "fine";
  tab.wake();
  await vi.advanceTimersByTimeAsync(LINGER_MS + 10);
  expect([...world.collector.accepted]).toEqual([["000000", 1]]);
});

test("an event that comes while the last one is being finished is not forgotten", async () => {
  const world = new World();
  let finish = () => {};
  const slow = (work: () => Promise<void>) => work().then(() => new Promise<void>((resolve) => (finish = resolve)));
  const tab = createDelivery(createStore(world.box, "p:"), world.collector.post, slow, () => {});
  world.take(tab);
  await vi.advanceTimersByTimeAsync(LINGER_MS + 10);
  world.take(tab);
  await vi.advanceTimersByTimeAsync(LINGER_MS + 10);
  expect(world.sent()).toEqual(["000000"]);
  finish();
  await vi.advanceTimersByTimeAsync(LINGER_MS + 10);
  expect(world.sent()).toEqual(["000000", "000001"]);
});

test("two tabs send each event once between them", async () => {
  const world = new World();
  const tabs = [world.tab(), world.tab()];
  for (let n = 0; n < 130; n++) world.take(tabs[n % 2]!);
  await vi.runAllTimersAsync();
  expect(world.sent().sort()).toEqual(world.taken);
});

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("take" as const), tab: fc.nat(2), refuse: fc.boolean() }) },
  fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 5_000 }) }),
  fc.record({
    do: fc.constant("weather" as const),
    weather: fc.constantFrom<Weather>("fine", "lost before", "lost after", "503", "429", "portal", "partly"),
  }),
  fc.record({ do: fc.constantFrom("leave" as const, "wake" as const, "reload" as const), tab: fc.nat(2) }),
);

test("whatever fails: each event that was taken is kept until it was accepted or refused, and both happen once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const world = new World();
      const tabs = [world.tab(), world.tab(), world.tab()];
      const ended = () => new Set([...world.collector.accepted.keys(), ...world.collector.refused]);
      for (const one of steps) {
        if (one.do === "take") world.take(tabs[one.tab]!, one.refuse ? { refuse: true } : {});
        else if (one.do === "wait") await vi.advanceTimersByTimeAsync(one.ms);
        else if (one.do === "weather") world.collector.weather = one.weather;
        else if (one.do === "reload") tabs[one.tab] = world.tab();
        else tabs[one.tab]![one.do]();
        const known = ended();
        for (const id of world.taken) expect(known.has(id) || `p:${id}` in world.box).toBe(true);
      }
      world.collector.weather = "fine";
      for (const tab of [...tabs, world.tab()]) tab.wake();
      await vi.runAllTimersAsync();
      expect([...ended()].sort()).toEqual(world.taken);
      expect(world.box).toEqual({});
    }),
    { numRuns: 300 },
  );
});

test("without failures and pages that end, no event is sent twice, however many tabs there are", async () => {
  const calm = fc.oneof(
    fc.record({ tab: fc.nat(2), ms: fc.constant(0) }),
    fc.record({ tab: fc.constant(0), ms: fc.integer({ min: 1, max: 400 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(calm, { maxLength: 80 }), async (steps) => {
      const world = new World();
      const tabs = [world.tab(), world.tab(), world.tab()];
      for (const { tab, ms } of steps) {
        if (ms) await vi.advanceTimersByTimeAsync(ms);
        else world.take(tabs[tab]!);
      }
      await vi.runAllTimersAsync();
      expect(world.sent().sort()).toEqual(world.taken);
    }),
    { numRuns: 200 },
  );
});
