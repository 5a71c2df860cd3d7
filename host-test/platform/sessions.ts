// What must be put right in the memory store of aedes so that durable sessions keep the promises of QoS 1 and 2?
//
// Two things, both seen on the wire. It keeps one copy of a message per matching filter, which an absent device with
// overlapping subscriptions would all get later. And it takes all PUBRELs of a client for one and the same, so that the
// second of two QoS 2 exchanges in progress overwrites the packet id of the first.

import type { Aedes } from "aedes";

interface StoredSubscription {
  readonly clientId: string;
}

interface StoredPacket {
  readonly messageId: number;
  brokerId?: string;
  brokerCounter?: number;
}

interface Store {
  subscriptionsByTopic(topic: string): Promise<StoredSubscription[]>;
  outgoingUpdate(client: unknown, packet: StoredPacket): Promise<void>;
}

/** To be called once the broker has its store. */
export function mendStore(broker: Aedes, isPresent: (clientId: string) => boolean): void {
  const store = (broker as unknown as { persistence: Store }).persistence;
  storeOncePerAbsentClient(store, isPresent);
  tellPubrelsApart(store);
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
