// What must be put right in the memory store of aedes so that durable sessions keep the promises of QoS 1 and 2?
//
// Three things, all seen on the wire. It keeps one copy of a message per matching filter, which an absent device with
// overlapping subscriptions would all get later. And it takes all PUBRELs of a client for one and the same, so that the
// second of two QoS 2 exchanges in progress overwrites the packet id of the first. And each connection begins its packet ids
// anywhere, so that a message may get the id of one that is in flight since the connection before.

import type { Aedes } from "aedes";

interface StoredSubscription {
  readonly clientId: string;
}

interface StoredPacket {
  readonly cmd: string;
  messageId: number;
  brokerId?: string;
  brokerCounter?: number;
}

interface StoredClient {
  readonly id: string;
  /** Nothing of it is stored. */
  readonly clean: boolean;
}

interface Store {
  subscriptionsByTopic(topic: string): Promise<StoredSubscription[]>;
  outgoingUpdate(client: StoredClient, packet: StoredPacket): Promise<void>;
  outgoingClearMessageId(client: StoredClient, packet: StoredPacket): Promise<unknown>;
}

/** To be called once the broker has its store. */
export function mendStore(broker: Aedes, isPresent: (clientId: string) => boolean): void {
  const store = (broker as unknown as { persistence: Store }).persistence;
  storeOncePerAbsentClient(store, isPresent);
  tellPubrelsApart(store);
  giveNoIdTwice(store);
}

// For a client that is there aedes needs the copies: it sends one and strikes out the others.
function storeOncePerAbsentClient(store: Store, isPresent: (clientId: string) => boolean): void {
  const matching = store.subscriptionsByTopic.bind(store);
  store.subscriptionsByTopic = async topic => {
    const seen = new Set<string>();
    return (await matching(topic)).filter(({ clientId }) => {
      const again = seen.has(clientId);
      seen.add(clientId);
      return !again || isPresent(clientId);
    });
  };
}

// The store tells packets apart by these two fields, which aedes leaves out of a PUBREL.
function tellPubrelsApart(store: Store): void {
  const update = store.outgoingUpdate.bind(store);
  store.outgoingUpdate = (client, packet) => {
    packet.brokerId ??= "pubrel";
    packet.brokerCounter ??= packet.messageId;
    return update(client, packet);
  };
}

// A message has its packet id when it is put here, and is sent after that [MQTT-2.3.1-2]. Kept as long as the id is.
function giveNoIdTwice(store: Store): void {
  const used = new Map<string, Map<number, string>>();
  const update = store.outgoingUpdate.bind(store);
  const clear = store.outgoingClearMessageId.bind(store);
  store.outgoingUpdate = (client, packet) => {
    if (client.clean) return update(client, packet);
    const ids = used.get(client.id) ?? new Map<number, string>();
    used.set(client.id, ids);
    const message = `${packet.brokerId} ${packet.brokerCounter}`;
    if (packet.cmd === "publish") {
      while ((ids.get(packet.messageId) ?? message) !== message) packet.messageId = (packet.messageId % 65535) + 1;
      ids.set(packet.messageId, message);
    }
    return update(client, packet);
  };
  store.outgoingClearMessageId = (client, packet) => {
    const ids = used.get(client.id);
    ids?.delete(packet.messageId);
    if (ids?.size === 0) used.delete(client.id);
    return clear(client, packet);
  };
}
