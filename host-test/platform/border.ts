// What happens to a packet between a client and the broker? Inward, its topics are checked and get their broker
// spelling as soon as the parser has them; outward, a message gets back the spelling its receiver knows.
//
// aedes has hooks for PUBLISH and SUBSCRIBE, but none for UNSUBSCRIBE, and a SUBSCRIBE of a durable session is stored
// whole when its first filter passes the hook. So inward translation listens in front of aedes on the client's parser,
// the one private field used here.

import type { EventEmitter } from "node:events";
import type { AedesPublishPacket } from "aedes";
import { MAX_PAYLOAD } from "./frames.ts";
import { parseClientId } from "./identity.ts";
import type { Link } from "./link.ts";
import { CLOSE } from "./reasons.ts";
import { QUICKSTART } from "./registry.ts";
import { covers, topicSpace } from "./topics.ts";

/** Stands where an illegal topic stood; the hooks of the broker turn it down. Not a topic any client can get. */
export const REFUSED = "refused";

export interface BorderEvents {
  /** Told before the connection closes. */
  violation(link: Link, code: number, detail: string): void;
  /** A protocol level that no MQTT version has; nothing was answered yet. */
  unknownLevel(link: Link): void;
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

export function watchInbound(link: Link, events: BorderEvents): void {
  const parser = (link.client as unknown as { _parser: EventEmitter })._parser;
  parser.prependListener("packet", (packet: Inbound) => translateInward(link, packet, events));
  parser.prependListener("error", (error: Error) => {
    // Level 5 passes the parser and is refused by aedes; for levels unheard of the parser closes without an answer.
    if (error.message === "Invalid protocol version") events.unknownLevel(link);
  });
}

function translateInward(link: Link, packet: Inbound, events: BorderEvents): void {
  // Without an identity nothing but CONNECT is looked at: aedes closes or has refused such a connection.
  if (!link.space && packet.cmd !== "connect") return;
  switch (packet.cmd) {
    case "connect":
      return meetClient(link, packet);
    case "publish":
      return checkPublish(link, packet, events);
    case "subscribe":
      return checkSubscribe(link, packet, events);
    case "unsubscribe":
      return translateUnsubscribe(link, packet);
    case "disconnect":
      link.sawDisconnect = true;
      link.blame(CLOSE.normal, "DISCONNECT");
  }
}

// A second CONNECT on one connection is a protocol error that aedes answers; it must not change who the client is.
function meetClient(link: Link, packet: Connect): void {
  if (link.identity || link.stage !== "new") return;
  link.clientId = packet.clientId;
  link.cleanSession = packet.clean;
  const identity = parseClientId(packet.clientId);
  if (typeof identity === "number") {
    link.refusal = identity;
    return;
  }
  link.identity = identity;
  link.space = topicSpace(identity);
  if (packet.will) adaptWill(link, packet, packet.will);
}

// An illegal will topic drops the will in silence; QoS and retain are lowered to what the client may use (§1.5).
function adaptWill(link: Link, packet: Connect, will: Message): void {
  const topic = link.space?.publish(will.topic);
  if (topic === undefined) {
    delete packet.will;
    return;
  }
  will.topic = topic;
  will.retain = false;
  if (isQuickstartDevice(link)) will.qos = 0;
}

function checkPublish(link: Link, packet: Publish, events: BorderEvents): void {
  const topic = link.space?.publish(packet.topic);
  if (topic === undefined) events.violation(link, CLOSE.badTopic, `PUBLISH to ${packet.topic}`);
  else if (packet.payload.length > MAX_PAYLOAD) {
    events.violation(link, CLOSE.messageTooLarge, `payload of ${packet.payload.length} bytes`);
  } else if (packet.qos > 0 && isQuickstartDevice(link)) {
    events.violation(link, CLOSE.badClientData, `Quickstart takes QoS 0 only, not ${packet.qos}`);
  } else {
    packet.topic = topic;
    packet.retain = false;
    return;
  }
  packet.topic = REFUSED;
}

// One illegal filter refuses all of them, so that a durable session stores nothing of this packet.
function checkSubscribe(link: Link, packet: Subscribe, events: BorderEvents): void {
  const topics = packet.subscriptions.map(({ topic }) => link.space?.subscribe(topic));
  const bad = topics.indexOf(undefined);
  if (bad >= 0) events.violation(link, CLOSE.badTopic, `SUBSCRIBE to ${packet.subscriptions[bad]!.topic}`);
  for (const [i, subscription] of packet.subscriptions.entries()) {
    subscription.topic = bad < 0 ? topics[i]! : REFUSED;
  }
}

// Nobody can hold an illegal filter, so giving one up is harmless and gets its UNSUBACK.
function translateUnsubscribe(link: Link, packet: Unsubscribe): void {
  packet.unsubscriptions = packet.unsubscriptions.map(filter => link.space?.subscribe(filter) ?? REFUSED);
  for (const filter of packet.unsubscriptions) link.filters.delete(filter);
}

function isQuickstartDevice(link: Link): boolean {
  return link.identity?.kind === "device" && link.identity.org === QUICKSTART;
}

/**
 * Gives a message the topic and QoS its receiver expects. The packet is changed in place: aedes makes a copy for every
 * subscription before it asks, and when it resends a stored message it ignores which object comes back.
 */
export function translateOutward(link: Link, packet: AedesPublishPacket): AedesPublishPacket {
  packet.qos = Math.min(packet.qos, grantedQos(link, packet.topic)) as 0 | 1 | 2;
  packet.topic = link.space?.outward(packet.topic) ?? packet.topic;
  return packet;
}

// aedes lowers the QoS only for subscriptions without wildcards. A message already queued for a filter given up since
// keeps its QoS.
function grantedQos(link: Link, topic: string): number {
  const granted = [...link.filters].filter(([filter]) => covers(filter, topic)).map(([, qos]) => qos);
  return granted.length > 0 ? Math.max(...granted) : 2;
}
