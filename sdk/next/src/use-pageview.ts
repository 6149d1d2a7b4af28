import { useEffect } from "react";
import { onAddressChange } from "./address.js";
import { useTracker } from "./context.js";

/**
 * Take a page view now and for each change of the address, as long as the component is there; for a provider with
 * `pageViews={false}`. The same address twice in a row is one page view, however many components ask for it.
 */
export function usePageview(): void {
  const tracker = useTracker();
  useEffect(() => {
    const view = () => void tracker()?.pageView();
    view();
    return onAddressChange(view);
  }, [tracker]);
}
