import type { Tracker } from "@sparklytics/tracker";

/** Track `link_click` with `url` for links that lead to another host or download a file. */
export function trackLinks({ track }: Tracker): void {
  const clicked = ({ target }: Event) => {
    const link = (target as Element).closest?.<HTMLAnchorElement>("a[href]");
    if (link && /^http/.test(link.protocol) && (link.host !== location.host || link.hasAttribute("download"))) {
      track("link_click", { url: link.href });
    }
  };
  // auxclick is the middle button.
  for (const name of ["click", "auxclick"]) addEventListener(name, clicked, true);
}
