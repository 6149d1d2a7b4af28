import type { Answer, Rejection } from "@sparklytics/tracker/receipt";
import { NAME_MAX_CHARACTERS } from "@sparklytics/tracker/validation";

/** What helps against a refusal, by its code. */
const HELP: Record<string, string> = {
  invalid_key: "; give SPARKLYTICS_SERVER_KEY a key whose hash stands at this website in websites.yaml, with the scope send",
  not_found: "; check SPARKLYTICS_WEBSITE_ID",
};

/** Fields that the collector takes from who shows a server key. */
const ON_BEHALF = ["client_ip", "user_agent"];

/** That an event was not taken, and why. */
export function notTaken(name: unknown, flaw: string): string {
  // As JSON, so that a name makes no line of its own in a log.
  const shown = typeof name === "string" ? JSON.stringify(name.slice(0, NAME_MAX_CHARACTERS)) : "an event";
  return `${shown} not taken: ${flaw}`;
}

/** That the collector will never take an event, why, and what to do about it. */
export const refused = (name: string, { code, message }: Rejection): string =>
  notTaken(name, `${message.replace(/^\[\d+\](: |\.)/, "")} (${code})${HELP[code] ?? ""}`);

/** That tries failed, the last of them with this answer. */
export const waiting = (url: string, answer: Answer | undefined): string =>
  `${answer ? `${url} answered ${answer.status}` : `no answer came from ${url}`}: events wait in memory and are sent again`;

export const noRoom = (name: string, url: string): string =>
  notTaken(name, `too many events wait for ${url}; what else is lost is counted`);

export const missed = (lost: number, url: string): string =>
  `${url} takes events again; lost meanwhile, for too many waited: ${lost}`;

/** That events count as the server's own which were sent for their visitors; "" where they don't. */
export function ignored(url: string, fields: string[] = []): string {
  const meant = ON_BEHALF.filter((field) => fields.includes(field));
  return (
    meant.length &&
    `${url} ignored ${meant.join(" and ")}, so events count as this server's and not as their visitors'; ` +
      "set SPARKLYTICS_SERVER_KEY to a server key of this website (a stack without websites.yaml has none)"
  ) || "";
}
