// A server's half of one MQTT session: QoS 0, 1 and 2 in both directions as the standard has them, and what is subscribed.
// Packets come in by calls, frames and messages leave through a sink; no sockets, no time, no topics of the platform.

import { connack, pingresp, puback, pubcomp, publish, pubrec, pubrel, suback, unsuback } from "./frames.ts";
import type { SentPacket } from "./packets.ts";

export interface SessionSink {
  /** A frame for the client. */
  say(frame: Uint8Array): void;
  /** A message of the client, once for QoS 2; for QoS 1 as often as it comes. */
  delivered(packet: Packet): void;
}

/** What the session looks at; whoever parsed it. */
type Packet = Pick<SentPacket, "cmd" | "qos" | "dup" | "messageId" | "topic" | "subscriptions" | "unsubscriptions"> & {
  payload?: Uint8Array;
};

interface Outgoing {
  id: number;
  qos: 0 | 1 | 2;
  topic: string;
  payload: Uint8Array | string;
  sent: boolean;
  released: boolean;
}

/** Messages on their way to the client at a time, as Mosquitto has it. */
const WINDOW = 20;

export class ServerSession {
  /** The server knows the client from before. */
  present = false;
  /** Filters and the QoS that was granted. */
  subscriptions: { topic: string; qos: number }[] = [];
  /** The next so many acknowledgements of publishes (PUBACK, PUBREC, PUBCOMP) get lost. */
  lose = 0;
  /** Filters that are answered with 128. */
  refuse: (filter: string) => boolean = () => false;
  private readonly sink: SessionSink;
  private greeted = false;
  private recorded: number[] = [];
  private outgoing: Outgoing[] = [];
  private lastId = 0;

  constructor(sink: SessionSink) {
    this.sink = sink;
  }

  /** Messages for the client that are not through. */
  get owed(): number {
    return this.outgoing.length;
  }

  /** The connection is gone; nothing is said before the next CONNECT. */
  lost(): void {
    this.greeted = false;
  }

  /** All that was known of the client is gone. */
  forget(): void {
    this.present = false;
    this.subscriptions = [];
    this.recorded = [];
    this.outgoing = [];
  }

  /** Answers CONNECT with CONNACK 0, and sends again what was not confirmed. `clean`: CleanSession [MQTT-3.1.2-6]. */
  greet(clean: boolean): void {
    if (clean) this.forget();
    this.greeted = true;
    this.sink.say(connack(0, this.present));
    this.present = !clean;
    for (const one of this.outgoing) {
      if (one.released) this.sink.say(pubrel(one.id));
      else if (one.sent) this.sink.say(publish(one.topic, one.payload, { ...one, dup: true }));
    }
    this.pump();
  }

  /** A message for the client. It waits while there is no connection. */
  send(topic: string, payload: Uint8Array | string, qos: 0 | 1 | 2): void {
    if (qos) this.lastId = (this.lastId % 65535) + 1;
    this.outgoing.push({ id: qos ? this.lastId : 0, qos, topic, payload, sent: false, released: false });
    this.pump();
  }

  /** A packet of the client, but for CONNECT. Throws for what a server has no answer to. */
  takes(packet: Packet): void {
    const id = packet.messageId!;
    switch (packet.cmd) {
      case "publish":
        return this.publish(packet);
      case "pubrel":
        this.recorded = this.recorded.filter(one => one !== id);
        return this.acknowledge(pubcomp(id));
      case "puback":
      case "pubcomp":
        this.outgoing = this.outgoing.filter(one => one.id !== id);
        return this.pump();
      case "pubrec":
        for (const one of this.outgoing) if (one.id === id) one.released = true;
        return this.sink.say(pubrel(id));
      case "subscribe":
        return this.sink.say(suback(id, ...packet.subscriptions!.map(one => this.subscribe(one))));
      case "unsubscribe":
        this.subscriptions = this.subscriptions.filter(({ topic }) => !packet.unsubscriptions!.includes(topic));
        return this.sink.say(unsuback(id));
      case "pingreq":
        return this.sink.say(pingresp());
      case "disconnect":
        return this.lost();
      default:
        throw new Error(`${packet.cmd.toUpperCase()} is not a client's to send`);
    }
  }

  private publish(packet: Packet): void {
    const id = packet.messageId!;
    const known = packet.qos === 2 && this.recorded.includes(id);
    if (!known) this.sink.delivered(packet);
    if (packet.qos === 2 && !known) this.recorded.push(id);
    if (packet.qos === 1) this.acknowledge(puback(id));
    if (packet.qos === 2) this.acknowledge(pubrec(id));
  }

  private acknowledge(frame: Uint8Array): void {
    if (this.lose > 0) this.lose--;
    else this.sink.say(frame);
  }

  private subscribe({ topic, qos }: { topic: string; qos: number }): number {
    if (this.refuse(topic)) return 128;
    this.subscriptions = this.subscriptions.filter(one => one.topic !== topic);
    this.subscriptions.push({ topic, qos });
    return qos;
  }

  private pump(): void {
    if (!this.greeted) return;
    for (const one of this.outgoing.slice(0, WINDOW)) {
      if (one.sent) continue;
      one.sent = true;
      this.sink.say(publish(one.topic, one.payload, one));
    }
    const before = this.outgoing.length;
    this.outgoing = this.outgoing.filter(one => one.qos > 0 || !one.sent);
    if (this.outgoing.length < before) this.pump();
  }
}
