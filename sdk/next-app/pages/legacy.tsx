import { SparklyticsEvent, useSparklytics } from "@sparklytics/next";
import type { GetServerSideProps } from "next";
import Link from "next/link";

export default function Legacy() {
  const { track } = useSparklytics();
  return (
    <main>
      <button id="hook" onClick={() => track("legacy_hook")}>
        Hook
      </button>
      <SparklyticsEvent name="legacy_click">
        <button id="click">Click</button>
      </SparklyticsEvent>
      <Link id="again" href="/legacy?again=1">
        Again
      </Link>
    </main>
  );
}

export const getServerSideProps: GetServerSideProps = async () => ({
  props: {
    websiteId: process.env.SPARKLYTICS_WEBSITE_ID ?? "",
    apiHost: process.env.SPARKLYTICS_API_HOST ?? "",
  },
});
