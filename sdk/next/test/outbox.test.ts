import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Collector, type Weather } from "../../tracker/test/collector";
import { MOST_CHARACTERS, Outbox, TIMEOUT_MS, type Post } from "../src/outbox";

declare const process: { getActiveResourcesInfo(): string[] };

const URL = "https://events.example/api/collect";

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.5);
});
afterEach(() => {
  vi.useRealTimers();
});

class World {
  readonly collector = new Collector();
  readonly told: string[] = [];
  readonly ids: string[] = [];
  readonly outbox: Outbox;

  constructor(post?: Post) {
    this.outbox = new Outbox(URL, post ?? this.collector.post, (news) => void this.told.push(news));
  }

  send(more: object = {}): Promise<boolean> {
    const event_id = String(this.ids.length).padStart(6, "0");
    this.ids.push(event_id);
    return this.outbox.send("paid", JSON.stringify({ event_id, ...more }));
  }

  /** The numbers of events of each request. */
  sizes(): number[] {
    return this.collector.bodies.map((body) => JSON.parse(body).length);
  }
}

/** Let time pass until `promise` has ended, and no longer. */
async function ended<T>(promise: Promise<T>): Promise<T> {
  let over = false;
  void promise.finally(() => (over = true));
  while (!over) await vi.advanceTimersByTimeAsync(10);
  return promise;
}

test("an event whose tries fail waits, and is taken when the collector is back; both are in the log once", async () => {
  const world = new World();
  world.collector.weather = "lost before";
  expect(await ended(world.send())).toBe(false);
  expect(world.sizes().slice(0, 3)).toEqual([1, 1, 1]);
  expect(await ended(world.send())).toBe(false);
  world.collector.weather = "fine";
  await vi.advanceTimersByTimeAsync(30_000);
  expect([...world.collector.accepted]).toEqual(world.ids.map((id) => [id, 1]));
  expect(world.told).toEqual([`no answer came from ${URL}: events wait in memory and are sent again`]);
});

test("while the collector is away no call waits for it, and it is asked by one request at a time", async () => {
  let asked = 0;
  const world = new World(async () => {
    asked++;
    return new Promise((resolve) => setTimeout(() => resolve(undefined), TIMEOUT_MS));
  });
  void world.send();
  await vi.advanceTimersByTimeAsync(3 * TIMEOUT_MS + 1_000);
  expect(asked).toBe(3);
  const calls = Array.from({ length: 500 }, () => world.send());
  // Nothing but what was there already: no timer has to pass.
  expect(await Promise.all(calls)).toEqual(Array(500).fill(false));
  expect(asked).toBe(3);
  // The pause is over, and the next request on its way.
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toBe(4);
  for (let n = 0; n < 9; n++) void world.send();
  expect(asked).toBe(4);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toBeLessThan(12);
});

test("the pause grows to half a minute, and Retry-After is kept however long it is", async () => {
  const world = new World();
  world.collector.weather = "lost before";
  void world.send();
  await vi.advanceTimersByTimeAsync(3_600_000);
  const hourly = world.collector.bodies.length;
  expect(hourly).toBeGreaterThan(110);
  expect(hourly).toBeLessThan(260);

  let asked = 0;
  const patient = new World(async () => (asked++, { status: 429, retryAfter: 600, body: null }));
  expect(await patient.send()).toBe(false);
  void patient.send();
  await vi.advanceTimersByTimeAsync(599_000);
  expect(asked).toBe(1);
  expect(patient.told).toEqual([`${URL} answered 429: events wait in memory and are sent again`]);
});

test("what waits leaves in requests that the collector takes, the oldest first", async () => {
  const world = new World();
  world.collector.weather = "503";
  void world.send();
  await vi.advanceTimersByTimeAsync(3_000);
  for (let n = 0; n < 120; n++) void world.send({ text: n < 60 ? "é".repeat(4_000) : "" });
  // Some requests fail, and what was in them waits again.
  await vi.advanceTimersByTimeAsync(10_000);
  const before = world.collector.bodies.length;
  world.collector.weather = "fine";
  await vi.advanceTimersByTimeAsync(60_000);
  expect([...world.collector.accepted.keys()]).toEqual(world.ids);
  for (const body of world.collector.bodies.slice(before)) {
    expect(new TextEncoder().encode(body).length).toBeLessThanOrEqual(102_400);
    expect(JSON.parse(body).length).toBeLessThanOrEqual(50);
  }
});

test("where timers stand still between requests the next call takes along what waits", async () => {
  const answers = [undefined, undefined, undefined, { status: 202, retryAfter: 0, body: { ok: true } }];
  const bodies: string[] = [];
  const world = new World(async (body) => (bodies.push(body), answers.shift()));
  expect(await ended(world.send())).toBe(false);
  vi.clearAllTimers();
  vi.setSystemTime(Date.now() + 60_000);
  expect(await world.send()).toBe(true);
  expect(JSON.parse(bodies[3]!).map(({ event_id }: { event_id: string }) => event_id)).toEqual(world.ids);
});

test("a call that its runtime ends in the middle holds nothing up", async () => {
  const answers = [undefined, undefined, undefined, "never", { status: 202, retryAfter: 0, body: { ok: true } }] as const;
  let asked = 0;
  const world = new World(async () => {
    const answer = answers[asked++];
    return answer === "never" ? new Promise(() => {}) : answer;
  });
  expect(await ended(world.send())).toBe(false);
  vi.clearAllTimers();
  vi.setSystemTime(Date.now() + 60_000);
  void world.send();
  expect(asked).toBe(4);
  vi.setSystemTime(Date.now() + TIMEOUT_MS);
  expect(await world.send()).toBe(true);
});

test("there is room for some thousands; what is lost is told once, and counted", async () => {
  const world = new World();
  world.collector.weather = "503";
  void world.send();
  await vi.advanceTimersByTimeAsync(3_000);
  const text = "x".repeat(4_000);
  const room = Math.floor(MOST_CHARACTERS / 4_035);
  for (let n = 0; n < room + 5; n++) expect(await world.send({ text })).toBe(false);
  await vi.advanceTimersByTimeAsync(60_000);
  for (let n = 0; n < 5; n++) expect(await ended(world.send({ text }))).toBe(false);
  world.collector.weather = "fine";
  await vi.advanceTimersByTimeAsync(60_000);
  const lost = world.ids.length - world.collector.accepted.size;
  expect(lost).toBeGreaterThan(5);
  expect(lost).toBeLessThan(15);
  expect(world.told.slice(1)).toEqual([
    `"paid" not taken: too many events wait for ${URL}; what else is lost is counted`,
    `${URL} takes events again; lost meanwhile, for too many waited: ${lost}`,
  ]);
  expect(await ended(world.send({ text }))).toBe(true);
});

test("of events that waited, one that is refused is told by its name, and the others are taken", async () => {
  const world = new World();
  world.collector.weather = "503";
  void world.send();
  await vi.advanceTimersByTimeAsync(3_000);
  void world.send({ refuse: true });
  void world.send();
  world.collector.weather = "fine";
  await vi.advanceTimersByTimeAsync(30_000);
  expect([...world.collector.accepted.keys()]).toEqual(["000000", "000002"]);
  expect(world.told.slice(1)).toEqual(['"paid" not taken: m (c)']);
});

test("an event that waits keeps no process alive", async () => {
  vi.useRealTimers();
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  const world = new World(async () => ({ status: 429, retryAfter: 60, body: null }));
  expect(await world.send()).toBe(false);
  expect(timers()).toBe(before);
});

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("send" as const), refuse: fc.boolean() }) },
  fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
  fc.record({
    do: fc.constant("weather" as const),
    weather: fc.constantFrom<Weather>("fine", "lost before", "lost after", "503", "429", "portal", "partly"),
  }),
);

test("whatever fails: each event is accepted or refused in the end, and what a call says is true", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const world = new World();
      const { accepted, refused } = world.collector;
      const calls: Promise<void>[] = [];
      for (const one of steps) {
        if (one.do === "wait") await vi.advanceTimersByTimeAsync(one.ms);
        else if (one.do === "weather") world.collector.weather = one.weather;
        else {
          const call = world.send(one.refuse ? { refuse: true } : {});
          const id = world.ids.at(-1)!;
          calls.push(call.then((taken) => void (taken && expect(accepted.has(id)).toBe(true))));
        }
      }
      world.collector.weather = "fine";
      await vi.advanceTimersByTimeAsync(60_000);
      await Promise.all(calls);
      expect([...accepted.keys(), ...refused].sort()).toEqual(world.ids);
      expect(world.told.filter((news) => news.includes("not taken")).length).toBe(refused.size);
    }),
    { numRuns: 200 },
  );
});
