// Checks packets of clients and translates topics: client topics to broker topics on arrival, back before a message is
// sent.
//
// aedes has no hook for UNSUBSCRIBE, and it stores a whole SUBSCRIBE of a durable session once its first filter passes the
// hook. So a listener on the client's parser, the only private field used here, gets each packet before aedes does.

import type { EventEmitter } from "node:events";
import type { AedesPublishPacket } from "aedes";
import { CLOSE } from "./codes.ts";
import type { Connection } from "./connection.ts";
import { MAX_PAYLOAD } from "./frames.ts";
import { parseClientId } from "./identity.ts";
import { QUICKSTART } from "./registry.ts";
import { covers, topicSpace } from "./topics.ts";

/** Replaces an illegal topic; the hooks of the broker refuse it. No client can use it as a topic. */
export const REFUSED = "refused";

export interface PacketHookEvents {
  /** A packet broke a rule; the connection is about to close. */
  violation(connection: Connection, code: number, detail: string): void;
  /** CONNECT has a protocol level that no MQTT version has; no CONNACK was sent. */
  unknownLevel(connection: Connection): void;
}

interface Message {
  topic: string;
  payload: string | Buffer;
  qos: number;
  retain: boolean;
}

interface Connect {
  readonly cmd: "connect";
  readonly clientId: string;
  readonly clean: boolean;
  will?: Message;
}
interface Publish extends Message {
  readonly cmd: "publish";
}
interface Subscribe {
  readonly cmd: "subscribe";
  readonly subscriptions: { topic: string }[];
}
interface Unsubscribe {
  readonly cmd: "unsubscribe";
  unsubscriptions: string[];
}
type Inbound = Connect | Publish | Subscribe | Unsubscribe | { readonly cmd: "disconnect" };

export function addPacketHooks(connection: Connection, events: PacketHookEvents): void {
  const parser = (connection.client as unknown as { _parser: EventEmitter })._parser;
  parser.prependListener("packet", (packet: Inbound) => handleInbound(connection, packet, events));
  parser.prependListener("error", (error: Error) => {
    // aedes refuses level 5. For other levels the parser fails and aedes closes without a CONNACK.
    if (error.message === "Invalid protocol version") events.unknownLevel(connection);
  });
}

function handleInbound(connection: Connection, packet: Inbound, events: PacketHookEvents): void {
  // A client without an identity was refused, or sent another packet before CONNECT; aedes closes the connection.
  if (!connection.space && packet.cmd !== "connect") return;
  switch (packet.cmd) {
    case "connect":
      return handleConnect(connection, packet);
    case "publish":
      return handlePublish(connection, packet, events);
    case "subscribe":
      return handleSubscribe(connection, packet, events);
    case "unsubscribe":
      return handleUnsubscribe(connection, packet);
    case "disconnect":
      connection.sawDisconnect = true;
      connection.setCause(CLOSE.normal, "DISCONNECT");
  }
}

// aedes closes the connection at a second CONNECT, which must not change the identity before that.
function handleConnect(connection: Connection, packet: Connect): void {
  if (connection.identity || connection.stage !== "new") return;
  connection.clientId = packet.clientId;
  connection.cleanSession = packet.clean;
  const identity = parseClientId(packet.clientId);
  if (typeof identity === "number") {
    connection.refusal = identity;
    return;
  }
  connection.identity = identity;
  connection.space = topicSpace(identity);
  if (packet.will) handleWill(connection, packet, packet.will);
}

// Drops a will with an illegal topic; lowers QoS and retain to what the client may use (docs/protocol.md 1.5).
function handleWill(connection: Connection, packet: Connect, will: Message): void {
  const topic = connection.space?.publish(will.topic);
  if (topic === undefined) {
    delete packet.will;
    return;
  }
  will.topic = topic;
  will.retain = false;
  if (isQuickstartDevice(connection)) will.qos = 0;
}

function handlePublish(connection: Connection, packet: Publish, events: PacketHookEvents): void {
  const topic = connection.space?.publish(packet.topic);
  if (topic === undefined) events.violation(connection, CLOSE.badTopic, `PUBLISH to ${packet.topic}`);
  else if (packet.payload.length > MAX_PAYLOAD) {
    events.violation(connection, CLOSE.messageTooLarge, `payload of ${packet.payload.length} bytes`);
  } else if (packet.qos > 0 && isQuickstartDevice(connection)) {
    events.violation(connection, CLOSE.badClientData, `Quickstart takes QoS 0 only, not ${packet.qos}`);
  } else {
    packet.topic = topic;
    packet.retain = false;
    return;
  }
  packet.topic = REFUSED;
}

// One illegal filter refuses the whole packet, so that a durable session stores none of its filters.
function handleSubscribe(connection: Connection, packet: Subscribe, events: PacketHookEvents): void {
  const topics = packet.subscriptions.map(({ topic }) => connection.space?.subscribe(topic));
  const bad = topics.indexOf(undefined);
  if (bad >= 0) events.violation(connection, CLOSE.badTopic, `SUBSCRIBE to ${packet.subscriptions[bad]!.topic}`);
  for (const [i, subscription] of packet.subscriptions.entries()) {
    subscription.topic = bad < 0 ? topics[i]! : REFUSED;
  }
}

// No client can have subscribed to an illegal filter, so UNSUBACK is right for it.
function handleUnsubscribe(connection: Connection, packet: Unsubscribe): void {
  packet.unsubscriptions = packet.unsubscriptions.map(filter => connection.space?.subscribe(filter) ?? REFUSED);
  for (const filter of packet.unsubscriptions) connection.filters.delete(filter);
}

function isQuickstartDevice(connection: Connection): boolean {
  return connection.identity?.kind === "device" && connection.identity.org === QUICKSTART;
}

/**
 * Sets the topic and QoS of a message for its receiver. Changes the packet itself: aedes copies it for every
 * subscription before this call, and ignores the returned object when it resends a stored message.
 */
export function translateOutbound(connection: Connection, packet: AedesPublishPacket): AedesPublishPacket {
  packet.qos = Math.min(packet.qos, grantedQos(connection, packet.topic)) as 0 | 1 | 2;
  packet.topic = connection.space?.fromBroker(packet.topic) ?? packet.topic;
  return packet;
}

// aedes lowers the QoS only for subscriptions without wildcards. A message that was queued before an UNSUBSCRIBE keeps its
// QoS.
function grantedQos(connection: Connection, topic: string): number {
  const granted = [...connection.filters].filter(([filter]) => covers(filter, topic)).map(([, qos]) => qos);
  return granted.length > 0 ? Math.max(...granted) : 2;
}
