import { pause } from "@sparklytics/tracker/backoff";
import { BATCH_EVENTS } from "@sparklytics/tracker/delivery";
import { fates, type Answer } from "@sparklytics/tracker/receipt";
import { bytesOf } from "@sparklytics/tracker/validation";
import { ignored, missed, noRoom, refused, waiting } from "./telling.js";

/** Send a JSON array of events; undefined where no answer came in TIMEOUT_MS. Never rejects. */
export type Post = (body: string) => Promise<Answer | undefined>;

/** An event on its way: its JSON is an object. `taken` is undefined until a receipt says true or false. */
interface Event {
  name: string;
  json: string;
  taken?: boolean;
}

export const TIMEOUT_MS = 3_000;
/** Of all events that wait: some thousands, 2 MB. */
export const MOST_CHARACTERS = 1_000_000;
/** What the collector takes at once, 102,400 bytes, less some for what is added to each event. */
const BATCH_BYTES = 98_000;
const PAUSES_MS = [200, 800];
/** A call waits no longer than that for its next try, whatever the collector asks for. */
const PATIENCE_MS = 2_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * The way of a server's events to one collector. Each is tried at once. When its tries fail it waits in memory, and so
 * do all that come after it, until a try with the oldest of them succeeds: by a timer, which keeps no process alive,
 * or in a call that comes when the pause is over, for where timers stand still between requests.
 *
 * No call waits for another one: a runtime that ends a request in the middle loses what that one was sending, and
 * nothing else. `tell` hears what went wrong.
 */
export class Outbox {
  private readonly waiting: Event[] = [];
  private characters = 0;
  private failures = 0;
  private closedUntil = 0;
  private lost = 0;
  private toldIgnored = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly url: string,
    private readonly post: Post,
    private readonly tell: (news: string) => void,
  ) {}

  /** True when the collector has the event; false while it waits, and where it was refused or lost. Never rejects. */
  async send(name: string, json: string): Promise<boolean> {
    const event: Event = { name, json };
    if (!this.failures) await this.tryAtOnce(event);
    else if (this.keep(event) && this.rest() <= 0) await this.flush();
    return !!event.taken;
  }

  private async tryAtOnce(event: Event): Promise<void> {
    for (let tries = 0; ; tries++) {
      const answer = await this.deliver([event]);
      if (event.taken !== undefined) return this.flush();
      const wait = Math.max(PAUSES_MS[tries] ?? Infinity, (answer?.retryAfter ?? 0) * 1_000);
      if (this.failures || wait > PATIENCE_MS) {
        this.keep(event);
        if (!this.failures) this.fail(answer);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  /** Send the oldest of what waits. */
  private async flush(): Promise<void> {
    const batch = this.cut();
    if (!batch.length) return;
    const failures = this.failures;
    // Others wait for what becomes of this, but not longer than it can take.
    this.closedUntil = Date.now() + TIMEOUT_MS;
    const answer = await this.deliver(batch);
    const again = batch.filter(({ taken }) => taken === undefined);
    this.waiting.unshift(...again);
    this.characters += sizeOf(again);
    if (!again.length) this.recover();
    else if (this.failures === failures) this.fail(answer);
  }

  private async deliver(events: Event[]): Promise<Answer | undefined> {
    const sentAt = `,"sent_at":${Date.now()}}`;
    const answer = await this.post(`[${events.map(({ json }) => json.slice(0, -1) + sentAt)}]`);
    fates(answer, events.length).forEach((fate, index) => {
      if (fate === "again") return;
      const event = events[index]!;
      event.taken = fate === "taken";
      if (fate !== "taken") this.tell(refused(event.name, fate));
    });
    const news = ignored(this.url, answer?.body?.ignored_fields);
    if (news && !this.toldIgnored) this.tell(news);
    this.toldIgnored ||= !!news;
    return answer;
  }

  /** Let an event wait; false where there is no room. */
  private keep(event: Event): boolean {
    if (this.characters + event.json.length > MOST_CHARACTERS) {
      if (!this.lost++) this.tell(noRoom(event.name, this.url));
      return false;
    }
    this.waiting.push(event);
    this.characters += event.json.length;
    return true;
  }

  /** Take out what fits into one request. */
  private cut(): Event[] {
    let bytes = 0;
    const full = this.waiting.findIndex(({ json }) => (bytes += bytesOf(json) + 28) > BATCH_BYTES);
    const batch = this.waiting.splice(0, full < 0 ? BATCH_EVENTS : Math.min(full, BATCH_EVENTS));
    this.characters -= sizeOf(batch);
    return batch;
  }

  private fail(answer: Answer | undefined): void {
    if (!this.failures++) this.tell(waiting(this.url, answer));
    const retryAfter = answer?.retryAfter ?? 0;
    const wait = pause(this.failures, retryAfter, Math.random());
    this.closedUntil = Date.now() + (retryAfter ? wait : Math.min(LONGEST_PAUSE_MS, wait));
    this.plan();
  }

  private recover(): void {
    if (this.lost) this.tell(missed(this.lost, this.url));
    this.lost = this.failures = this.closedUntil = 0;
    if (this.waiting.length) this.plan();
  }

  private rest(): number {
    return this.closedUntil - Date.now();
  }

  private plan(): void {
    clearTimeout(this.timer);
    const work = () => void (this.rest() > 0 ? this.plan() : this.flush());
    this.timer = setTimeout(work, Math.max(0, this.rest()));
    (this.timer as { unref?: () => void }).unref?.();
  }
}

const sizeOf = (events: Event[]): number => events.reduce((sum, { json }) => sum + json.length, 0);
