import { SparklyticsProvider } from "@sparklytics/next";
import type { ReactNode } from "react";

// The website is that of the process, not that of the build.
export const dynamic = "force-dynamic";

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <SparklyticsProvider
          websiteId={process.env.SPARKLYTICS_WEBSITE_ID ?? ""}
          apiHost={process.env.SPARKLYTICS_API_HOST ?? ""}
        >
          {children}
        </SparklyticsProvider>
      </body>
    </html>
  );
}
