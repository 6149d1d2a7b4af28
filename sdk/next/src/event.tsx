import { Children, cloneElement, isValidElement, type DOMAttributes, type ReactElement, type ReactNode } from "react";
import { useSparklytics } from "./use-sparklytics.js";

type TriggerOf<Handler> = Handler extends `on${infer Name}` ? Uncapitalize<Name> : never;

/** What sets an event off: the name of a handler without its "on", such as click, submit, mouseEnter, play. */
export type SparklyticsTrigger = TriggerOf<keyof DOMAttributes<Element>>;

export interface SparklyticsEventProps {
  name: string;
  data?: object | undefined;
  /** Default click. A component of yours may have triggers of its own: `valueChange` for its `onValueChange`. */
  on?: SparklyticsTrigger | (string & {}) | undefined;
  /** Usually one element; each element here gets the handler, beside its own. */
  children: ReactNode;
}

/** Tracks an event when its child is clicked, or at another trigger. Adds no element to the page. */
export function SparklyticsEvent({ name, data, on = "click", children }: SparklyticsEventProps): ReactElement {
  const { track } = useSparklytics();
  const handler = `on${on.charAt(0).toUpperCase()}${on.slice(1)}`;
  const tracked = Children.map(children, (child) => {
    if (!isValidElement<Record<string, unknown>>(child)) return child;
    const own = child.props[handler];
    return cloneElement(child, {
      [handler]: (...given: unknown[]) => {
        // Before the child's own handler, which may leave the page or throw.
        track(name, data);
        return typeof own === "function" ? own(...given) : undefined;
      },
    });
  });
  // The type of nodes differs between React 18 and 19; that of elements does not.
  return <>{tracked}</>;
}
