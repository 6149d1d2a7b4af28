import { watchHistory } from "@sparklytics/browser/history";

const listeners = new Set<() => void>();
let watching = false;

/** Call `changed` after each change of the page's address, by whichever router; the returned function ends that. */
export function onAddressChange(changed: () => void): () => void {
  // The history is watched once for a page, and for good: who wrapped it later could not be unwrapped.
  if (!watching) watchHistory(() => listeners.forEach((listener) => listener()));
  watching = true;
  listeners.add(changed);
  return () => void listeners.delete(changed);
}
