import type { Tracker } from "@sparklytics/tracker";

/** Track `form_submit` with the form's `id` and `name`; never with what was typed. */
export function trackForms({ track }: Tracker): void {
  const submitted = ({ target }: Event) => {
    // By attribute: a field called "id" takes the place of the form's own property.
    const text = (name: string) => (target as Element).getAttribute?.(name) ?? "";
    track("form_submit", { id: text("id"), name: text("name") });
  };
  addEventListener("submit", submitted, true);
}
