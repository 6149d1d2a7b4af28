import { useEffect, useMemo, type ReactElement, type ReactNode } from "react";
import { TrackerContext } from "./context.js";
import { trackerOf } from "./trackers.js";
import { usePageview } from "./use-pageview.js";

export interface SparklyticsProviderProps {
  websiteId: string;
  /** Origin of the collector, such as https://events.example.com; without it the app's own. */
  apiHost?: string | undefined;
  /** Take a page view on load and for each change of the address. Default true. */
  pageViews?: boolean | undefined;
  /** Send nothing for visitors whose browser says Do Not Track or Global Privacy Control. Default true. */
  respectDnt?: boolean | undefined;
  /** Leave the part after # out of addresses; a change of it alone is no page view. */
  excludeHash?: boolean | undefined;
  /** Take nothing and send nothing: for a preview, or until the visitor consents. */
  disabled?: boolean | undefined;
  /** Say on the console what the collector refused, and why. */
  debug?: boolean | undefined;
  children?: ReactNode;
}

/** Gives the components below it a tracker, and sends what earlier pages left. Renders no element of its own. */
export function SparklyticsProvider({
  websiteId,
  apiHost = "",
  pageViews = true,
  respectDnt = true,
  excludeHash = false,
  disabled = false,
  debug = false,
  children,
}: SparklyticsProviderProps): ReactElement {
  const tracker = useMemo(() => {
    const options = { websiteId, apiHost: apiHost.replace(/\/+$/, ""), respectDnt, excludeHash, disabled, debug };
    return () => trackerOf(options);
  }, [websiteId, apiHost, respectDnt, excludeHash, disabled, debug]);
  useEffect(() => void tracker(), [tracker]);
  return (
    <TrackerContext.Provider value={tracker}>
      {/* First, so that the page view comes before what the other components track in their effects. */}
      {pageViews && <PageViews />}
      {children}
    </TrackerContext.Provider>
  );
}

function PageViews() {
  usePageview();
  return null;
}
