"use client";

import { useSparklytics } from "@sparklytics/next";

interface ShopEvents {
  plan_selected: { plan: "free" | "pro" };
}

export function PricingCard() {
  const { track } = useSparklytics<ShopEvents>();
  return (
    <button id="plan" onClick={() => track("plan_selected", { plan: "pro" })}>
      Get Pro
    </button>
  );
}
