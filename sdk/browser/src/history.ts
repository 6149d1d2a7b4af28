/** Calls `changed` after each change of the page's address that loads no page. */
export function watchHistory(changed: () => void): void {
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (this: History, ...given) {
      original.apply(this, given);
      changed();
    };
  }
  addEventListener("popstate", changed);
}
