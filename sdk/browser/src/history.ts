/** Calls `changed` after each change of the page's address that loads no page, and when the page itself comes back. */
export function watchHistory(changed: () => void): void {
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (this: History, ...given) {
      original.apply(this, given);
      changed();
    };
  }
  // pageshow: of a page that the browser had kept and shows again.
  for (const name of ["popstate", "pageshow"]) addEventListener(name, changed);
}
