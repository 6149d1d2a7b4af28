import { trackServerEvent } from "@sparklytics/next/server";

export const runtime = "edge";

export async function POST(request: Request) {
  return Response.json({ taken: await trackServerEvent("paid", { total: 198 }, { headers: request.headers }) });
}
