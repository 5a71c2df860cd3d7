// Patches of the memory store of aedes, without which durable sessions break QoS 1 and 2. Each fault was seen on the wire:
// 1. The store keeps one copy of a message per matching filter, so an absent device with overlapping subscriptions
//    receives it several times.
// 2. The store treats all PUBRELs of a client as one, so the second of two QoS 2 exchanges overwrites the packet
//    identifier of the first.
// 3. Each connection begins its packet identifiers at a random number, so a message may get the identifier of another one
//    that is in flight since the connection before.
// 4. The queue of an absent client has no limit.

import type { Aedes } from "aedes";

interface StoredSubscription {
  readonly clientId: string;
}

interface StoredPacket {
  readonly cmd: string;
  messageId: number;
  brokerId?: string;
  brokerCounter?: number;
  readonly payload?: Uint8Array;
}

interface StoredClient {
  readonly id: string;
  /** The store keeps nothing for this client. */
  readonly clean: boolean;
}

interface Store {
  outgoingEnqueueCombi(subscriptions: StoredSubscription[], packet: StoredPacket): Promise<void>;
  subscriptionsByTopic(topic: string): Promise<StoredSubscription[]>;
  outgoingUpdate(client: StoredClient, packet: StoredPacket): Promise<void>;
  outgoingClearMessageId(
    client: { readonly id: string },
    packet: { messageId?: number },
  ): Promise<StoredPacket | undefined>;
}

/** Call after the broker has opened its store. */
export function patchStore(broker: Aedes, isPresent: (clientId: string) => boolean): void {
  const store = (broker as unknown as { persistence: Store }).persistence;
  storeOncePerAbsentClient(store, isPresent);
  identifyPubrels(store);
  keepPacketIdsUnique(store);
  limitQueues(store, isPresent);
}

// aedes needs the copies for a connected client: it sends one and drops the others.
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

// The store identifies packets by these two fields, which aedes leaves out of a PUBREL.
function identifyPubrels(store: Store): void {
  const update = store.outgoingUpdate.bind(store);
  store.outgoingUpdate = (client, packet) => {
    packet.brokerId ??= "pubrel";
    packet.brokerCounter ??= packet.messageId;
    return update(client, packet);
  };
}

// aedes stores a message with its packet identifier before it sends it [MQTT-2.3.1-2].
function keepPacketIdsUnique(store: Store): void {
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
    if (packet.messageId !== undefined) ids?.delete(packet.messageId);
    if (ids?.size === 0) used.delete(client.id);
    return clear(client, packet);
  };
}

/** Limits of the queue of an absent client; the oldest messages are dropped. The hosted platform kept 5000 (docs/protocol.md 1.5). */
export const MAX_QUEUED = 5000;
export const MAX_QUEUED_BYTES = 16 * 1024 * 1024;

interface Queue {
  messages: number;
  bytes: number;
  /** Payload bytes by packet identifier: the PUBREL that replaces a message in the store has no payload. */
  readonly sizes: Map<number, number>;
}

function limitQueues(store: Store, isPresent: (clientId: string) => boolean): void {
  const queues = new Map<string, Queue>();
  const enqueue = store.outgoingEnqueueCombi.bind(store);
  const update = store.outgoingUpdate.bind(store);
  const clear = store.outgoingClearMessageId.bind(store);
  store.outgoingUpdate = (client, packet) => {
    if (packet.cmd === "publish") queues.get(client.id)?.sizes.set(packet.messageId, packet.payload?.length ?? 0);
    return update(client, packet);
  };
  store.outgoingClearMessageId = async (client, packet) => {
    const cleared = await clear(client, packet);
    const queue = queues.get(client.id);
    if (queue && cleared) {
      const id = packet.messageId;
      const size = id === undefined ? undefined : queue.sizes.get(id);
      if (id !== undefined) queue.sizes.delete(id);
      queue.messages--;
      queue.bytes -= size ?? cleared.payload?.length ?? 0;
      if (queue.messages === 0) queues.delete(client.id);
    }
    return cleared;
  };
  store.outgoingEnqueueCombi = async (subscriptions, packet) => {
    await enqueue(subscriptions, packet);
    for (const { clientId } of subscriptions) {
      const queue = queues.get(clientId) ?? { messages: 0, bytes: 0, sizes: new Map() };
      queues.set(clientId, queue);
      queue.messages++;
      queue.bytes += packet.payload?.length ?? 0;
      while (!isPresent(clientId) && (queue.messages > MAX_QUEUED || queue.bytes > MAX_QUEUED_BYTES)) {
        // Only a message that was sent has a packet identifier: this removes the oldest one without.
        if (!(await store.outgoingClearMessageId({ id: clientId }, {}))) break;
      }
    }
  };
}
