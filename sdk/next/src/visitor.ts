/** Where headers are read: a request's `headers`, or what Next.js's `await headers()` gives. */
export interface ReadHeaders {
  get(name: string): string | null;
}

/** What a request to your app says of its visitor, as the collector takes it; "" is unknown. */
export interface Visitor {
  client_ip: string;
  user_agent: string;
  language: string;
  url: string;
}

const AGENT_MAX_CHARACTERS = 1_024;

/**
 * The visitor who sent a request that came through so many `proxies` of yours, each of which added an entry to the
 * right end of X-Forwarded-For. What stands further left is whatever the client liked to send.
 */
export function visitorOf(headers: ReadHeaders, proxies: number): Visitor {
  const entries = (headers.get("x-forwarded-for") ?? "").split(",");
  return {
    client_ip: plainAddress(entries[entries.length - proxies] ?? ""),
    user_agent: (headers.get("user-agent") ?? "").slice(0, AGENT_MAX_CHARACTERS),
    language: (headers.get("accept-language") ?? "").split(/[,;]/)[0]!.trim(),
    url: headers.get("referer") ?? "",
  };
}

/** Whether the visitor's browser says Do Not Track or Global Privacy Control. */
export const optedOut = (headers: ReadHeaders): boolean => headers.get("dnt") === "1" || headers.get("sec-gpc") === "1";

/** An address without port, brackets and zone; "" where it is none, for a wrong one would cost the event. */
export function plainAddress(entry: string): string {
  const text = entry.trim();
  const four = /^(\d+\.\d+\.\d+\.\d+)(:\d+)?$/.exec(text)?.[1];
  if (four) return four.split(".").every((part) => String(Number(part)) === part && Number(part) < 256) ? four : "";
  const six = (/^\[([^\]]+)\](:\d+)?$/.exec(text)?.[1] ?? text).split("%")[0]!;
  return six.includes(":") && URL.canParse(`http://[${six}]`) ? six : "";
}
