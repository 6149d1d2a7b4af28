export { SparklyticsEvent, type SparklyticsEventProps, type SparklyticsTrigger } from "./event.js";
export type { AnyEvents, PropertiesOf, Sparklytics } from "./events.js";
export { SparklyticsProvider, type SparklyticsProviderProps } from "./provider.js";
export { usePageview } from "./use-pageview.js";
export { useSparklytics } from "./use-sparklytics.js";
