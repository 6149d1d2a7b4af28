import { trackServerEvent } from "@sparklytics/next/server";
import { NextResponse, type NextFetchEvent, type NextRequest } from "next/server";

export const config = { matcher: "/go/:path*" };

export function middleware(request: NextRequest, event: NextFetchEvent) {
  const campaign = request.nextUrl.pathname.slice("/go/".length);
  event.waitUntil(trackServerEvent("link_followed", { campaign }, { headers: request.headers, url: request.url }));
  return NextResponse.redirect(new URL("/second", request.url));
}
