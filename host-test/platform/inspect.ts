// What does the platform hold for a client, connected or not? The filters it has subscribed and the messages that wait
// for it, as the memory store of aedes has them; topics as the client spells them.

import type { Readable } from "node:stream";
import type { Aedes } from "aedes";
import type { QoS, SessionInfo } from "./events.ts";
import { parseClientId } from "./identity.ts";
import type { Link } from "./link.ts";
import { topicSpace } from "./topics.ts";

interface Store {
  subscriptionsByClient(client: { id: string }): Promise<{ topic: string; qos: QoS }[]>;
  outgoingStream(client: { id: string }): Readable;
}

/** undefined: nothing is known of a session of this client. */
export async function inspectSession(
  broker: Aedes,
  clientId: string,
  link: Link | undefined,
): Promise<SessionInfo | undefined> {
  const identity = parseClientId(clientId);
  if (typeof identity === "number") return undefined;
  const store = (broker as unknown as { persistence: Store }).persistence;
  const stored = await store.subscriptionsByClient({ id: clientId });
  if (!link && stored.length === 0) return undefined;
  const filters = link ? [...link.filters].map(([topic, qos]) => ({ topic, qos: qos as QoS })) : stored;
  const { outward } = topicSpace(identity);
  const cleanSession = link?.cleanSession ?? false;
  return {
    clientId,
    connected: link !== undefined,
    cleanSession,
    subscriptions: filters.map(({ topic, qos }) => ({ topic: outward(topic), qos })),
    // What waited for a durable session is cleared only after CONNACK of the clean one that follows it.
    waiting: cleanSession ? 0 : (await store.outgoingStream({ id: clientId }).toArray()).length,
  };
}
