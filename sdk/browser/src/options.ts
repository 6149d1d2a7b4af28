import type { TrackerOptions } from "@sparklytics/tracker";

const FLAGS = ["excludeHash", "disabled", "debug", "trackLinks", "trackForms", "trackScroll"] as const;

export type ScriptOptions = TrackerOptions & Record<(typeof FLAGS)[number], boolean>;

/**
 * What the script element says. An attribute that is there is on, unless its value is "false".
 * Throws where no website is named, or the collector's address is none.
 */
export function readOptions({ dataset, src }: HTMLScriptElement): ScriptOptions {
  if (!dataset.websiteId) throw Error("no data-website-id");
  const flags = FLAGS.map((name) => [name, (dataset[name] ?? "false") !== "false"]);
  return {
    websiteId: dataset.websiteId,
    apiHost: new URL(dataset.apiHost ?? src).origin,
    respectDnt: dataset.respectDnt !== "false",
    ...(Object.fromEntries(flags) as Record<(typeof FLAGS)[number], boolean>),
  };
}
