// Reads the session of a client from the memory store of aedes: subscriptions and waiting messages. Topics are the
// client's own.

import type { Readable } from "node:stream";
import type { Aedes } from "aedes";
import type { Connection } from "./connection.ts";
import type { QoS, SessionInfo } from "./events.ts";
import { parseClientId } from "./identity.ts";
import { topicSpace } from "./topics.ts";

interface Store {
  subscriptionsByClient(client: { id: string }): Promise<{ topic: string; qos: QoS }[]>;
  outgoingStream(client: { id: string }): Readable;
}

/** Undefined if there is no session for this client. */
export async function readSession(
  broker: Aedes,
  clientId: string,
  connection: Connection | undefined,
): Promise<SessionInfo | undefined> {
  const identity = parseClientId(clientId);
  if (typeof identity === "number") return undefined;
  const store = (broker as unknown as { persistence: Store }).persistence;
  const stored = await store.subscriptionsByClient({ id: clientId });
  if (!connection && stored.length === 0) return undefined;
  const filters = connection ? [...connection.filters].map(([topic, qos]) => ({ topic, qos: qos as QoS })) : stored;
  const { fromBroker } = topicSpace(identity);
  const cleanSession = connection?.cleanSession ?? false;
  return {
    clientId,
    connected: connection !== undefined,
    cleanSession,
    subscriptions: filters.map(({ topic, qos }) => ({ topic: fromBroker(topic), qos })),
    // aedes clears the messages of a durable session only after the CONNACK of the clean session that replaces it.
    waiting: cleanSession ? 0 : (await store.outgoingStream({ id: clientId }).toArray()).length,
  };
}
