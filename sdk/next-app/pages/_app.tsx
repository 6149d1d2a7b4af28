import { SparklyticsProvider } from "@sparklytics/next";
import type { AppProps } from "next/app";

export default function App({ Component, pageProps }: AppProps) {
  return (
    <SparklyticsProvider websiteId={pageProps.websiteId} apiHost={pageProps.apiHost}>
      <Component {...pageProps} />
    </SparklyticsProvider>
  );
}
