import { act, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { vi } from "vitest";
import { SparklyticsProvider, type SparklyticsProviderProps } from "../src/index";

let websites = 0;

/** A page in the browser, and what the collector got from it. Its website is one that no other page has. */
export class Page {
  readonly sent: Record<string, unknown>[] = [];
  readonly websiteId = `site-${++websites}`;
  readonly place = document.body.appendChild(document.createElement("main"));
  readonly #root = createRoot(this.place);

  constructor() {
    vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
    vi.stubGlobal("fetch", async (_: string, { body }: { body: string }) => {
      // Pages of earlier tests may still have something to send.
      const events: Record<string, unknown>[] = JSON.parse(body);
      this.sent.push(...events.filter(({ website_id }) => website_id === this.websiteId));
      return Response.json({ ok: true, rejected: [] }, { status: 202 });
    });
  }

  provided(children: ReactNode, options: Partial<SparklyticsProviderProps> = {}): ReactNode {
    return (
      <SparklyticsProvider websiteId={this.websiteId} apiHost="https://events.example" {...options}>
        {children}
      </SparklyticsProvider>
    );
  }

  async show(node: ReactNode): Promise<void> {
    await act(async () => this.#root.render(node));
  }

  /** What arrived by now: the names of events, and of page views their paths. */
  async arrived(): Promise<unknown[]> {
    await vi.waitFor(() => {
      if (Object.keys(localStorage).some((name) => name.includes(`${this.websiteId}:event:`))) throw new Error("waits");
    });
    return this.sent.map(({ event_name, url }) => event_name ?? new URL(String(url)).pathname);
  }
}
