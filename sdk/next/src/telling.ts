import type { Rejection } from "@sparklytics/tracker/receipt";

/** What helps against a refusal, by its code. */
const HELP: Record<string, string> = {
  invalid_key: "; give SPARKLYTICS_SERVER_KEY a key whose hash stands at this website in websites.yaml, with the scope send",
  not_found: "; check SPARKLYTICS_WEBSITE_ID",
};

/** Fields that the collector takes from who shows a server key. */
const ON_BEHALF = ["client_ip", "user_agent"];

const told = new Set<string>();

/** Why the collector refused an event that was sent alone, and what to do about it. */
export function why({ code, message }: Rejection): string {
  return `${message.replace(/^\[0\](: |\.)/, "")} (${code})${HELP[code] ?? ""}`;
}

/** Warn, once for each collector, where it took events as the server's own that were sent for their visitors. */
export function tellIgnored(collector: string, ignored: string[] = []): void {
  const fields = ON_BEHALF.filter((field) => ignored.includes(field));
  if (!fields.length || told.has(collector)) return;
  told.add(collector);
  console.warn(
    `sparklytics: ${collector} ignored ${fields.join(" and ")}, so events count as this server's and not as their visitors'; ` +
      "set SPARKLYTICS_SERVER_KEY to a server key of this website (a stack without websites.yaml has none)",
  );
}
