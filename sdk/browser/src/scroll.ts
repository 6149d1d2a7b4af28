import type { Tracker } from "@sparklytics/tracker";

const STEP = 25;

/**
 * Track `scroll_depth` with `percent` 25, 50, 75 and 100, each once for a page view.
 * The returned function begins anew, for the next page view.
 */
export function trackScroll({ track }: Tracker): () => void {
  let next = STEP;
  const scrolled = () => {
    // A pixel is lost to rounding where the page is zoomed.
    const seen = ((scrollY + innerHeight + 1) / document.documentElement.scrollHeight) * 100;
    for (; next <= 100 && seen >= next; next += STEP) track("scroll_depth", { percent: next });
  };
  addEventListener("scroll", scrolled, { passive: true });
  return () => {
    next = STEP;
  };
}
