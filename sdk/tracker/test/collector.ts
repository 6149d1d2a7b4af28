import type { Answer } from "../src/receipt";

/** How the next request goes. */
export type Weather = "fine" | "lost before" | "lost after" | "503" | "429" | "portal" | "partly";

interface Event {
  event_id: string;
  refuse?: boolean;
}

/** A collector as docs/collect.md describes it, behind a network that may fail; it knows an event by its id. */
export class Collector {
  weather: Weather = "fine";
  /** How often each event arrived. */
  readonly accepted = new Map<string, number>();
  readonly refused = new Set<string>();
  readonly bodies: string[] = [];

  readonly post = async (body: string): Promise<Answer | undefined> => {
    this.bodies.push(body);
    const weather = this.weather;
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (weather === "lost before") return undefined;
    if (weather === "portal") return { status: 200, retryAfter: 0, body: null };
    if (weather === "503" || weather === "429") return this.unavailable(body, Number(weather));
    const answer = this.take(JSON.parse(body), weather === "partly");
    return weather === "lost after" ? undefined : answer;
  };

  private unavailable(body: string, status: number): Answer {
    const rejected = JSON.parse(body).map((_: Event, index: number) => ({ index, code: "unavailable", message: "m", retry: true }));
    return { status, retryAfter: 1, body: { rejected } };
  }

  private take(events: Event[], partly: boolean): Answer {
    const rejected = events.flatMap(({ event_id, refuse }, index) => {
      const again = partly && index % 2 === 1;
      if (refuse) this.refused.add(event_id);
      else if (!again) this.accepted.set(event_id, (this.accepted.get(event_id) ?? 0) + 1);
      return refuse || again ? [{ index, code: "c", message: "m", retry: !refuse }] : [];
    });
    const ok = rejected.length < events.length;
    return { status: ok ? 202 : 400, retryAfter: 0, body: ok ? { ok, rejected } : { rejected } };
  }
}

/** One tab at a time, as the browser's locks do it. */
export function oneAtATime() {
  let last: Promise<unknown> = Promise.resolve();
  return (work: () => Promise<void>) => (last = last.then(work));
}
