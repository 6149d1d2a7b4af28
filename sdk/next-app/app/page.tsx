import { SparklyticsEvent } from "@sparklytics/next";
import { trackServerEvent } from "@sparklytics/next/server";
import { headers } from "next/headers";
import Link from "next/link";
import { PricingCard } from "./pricing-card";

async function order() {
  "use server";
  await trackServerEvent("ordered", { total: 198 }, { headers: await headers() });
}

export default function Page() {
  return (
    <main>
      <SparklyticsEvent name="demo_request" data={{ source: "pricing" }}>
        <button id="demo">Request Demo</button>
      </SparklyticsEvent>
      <PricingCard />
      <SparklyticsEvent name="order_sent" on="submit">
        <form action={order}>
          <button id="order">Order</button>
        </form>
      </SparklyticsEvent>
      <Link id="second" href="/second?part=2">
        Second
      </Link>
    </main>
  );
}
