/** Properties of the events of an app by the events' names: `{ purchase: { plan: string }; signup: undefined }`. */
export type AnyEvents = Record<string, object | undefined>;

/** What follows the name of an event: nothing, its properties, or properties that may be left out. */
export type PropertiesOf<Data> = [Data] extends [undefined] ? [] : undefined extends Data ? [data?: Data] : [data: Data];

export interface Sparklytics<Events extends object = AnyEvents> {
  /**
   * Take an event: true, and it will be counted once; false, with a warning on the console, where it cannot be.
   * On the server it takes nothing and is false. Never throws.
   */
  track<Name extends keyof Events & string>(name: Name, ...data: PropertiesOf<Events[Name]>): boolean;
  /** Later events, also of later pages, are those of this visitor of yours, in a session of their own. Never throws. */
  identify(visitorId: string): boolean;
  /** Later events are again those of an anonymous visitor. Never throws. */
  reset(): void;
}
