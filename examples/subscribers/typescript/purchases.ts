// Prints each purchase once, as a line of JSON: code generated from the contract, and a Kafka client.
//
//     npm ci && npm run generate
//     BROKERS=localhost:9092 node purchases.ts
import { fromBinary } from "@bufbuild/protobuf";
import { Consumer, MessagesStreamFallbackModes, MessagesStreamModes, type Message } from "@platformatic/kafka";

import { EnrichedEventSchema } from "./generated/eventrail/v1/enriched_pb.js";

const TOPIC = "eventrail.enriched.v1";
const TYPE = "io.eventrail.event.enriched.v1";
const REMEMBERED = 100_000;

const group = process.env.GROUP ?? "team-x-purchases";
const consumer = new Consumer({
  groupId: group,
  clientId: group,
  bootstrapBrokers: (process.env.BROKERS ?? "localhost:9092").split(","),
});

const remembered = new Map<number, Set<string>>();

const stream = await consumer.consume({
  topics: [TOPIC],
  autocommit: false,
  mode: MessagesStreamModes.COMMITTED,
  fallbackMode: MessagesStreamFallbackModes.EARLIEST,
});
for await (const message of stream) {
  try {
    take(message);
  } catch (error) {
    // What cannot be read is put aside, here to where somebody looks, and does not stop the line.
    console.error(`${message.topic}/${message.partition}:${message.offset}: no enriched event: ${error}`);
  }
  // After the work: what was not committed comes again, and none is missing.
  await message.commit();
}

function take(message: Message<Buffer, Buffer, Buffer, Buffer>): void {
  if (header(message, "ce_type") !== TYPE) return;
  const event = fromBinary(EnrichedEventSchema, message.value);
  const seen = recent(message.partition);
  const identity = [event.websiteId, event.eventId, event.identityDay, event.eventName].join("\0");
  if (seen.has(identity)) return;
  if (event.eventName === "purchase") {
    const { amount = null } = JSON.parse(event.eventData || "{}") as { amount?: number };
    console.log(JSON.stringify({ id: event.eventId, country: event.geo?.country ?? "", amount }));
  }
  seen.add(identity);
}

function header(message: Message<Buffer, Buffer, Buffer, Buffer>, name: string): string | undefined {
  for (const [key, value] of message.headers) if (key.toString() === name) return value.toString();
  return undefined;
}

/** The last events that were done of a partition, by identity: a copy is known among them. */
function recent(partition: number): Set<string> {
  const seen = remembered.get(partition) ?? new Set<string>();
  remembered.set(partition, seen);
  for (const oldest of seen) {
    if (seen.size < REMEMBERED) break;
    seen.delete(oldest);
  }
  return seen;
}
