// A server without fault for the worlds of worlds.ts, over links with every fault: it keeps a session or loses it, and
// bytes of either direction stay on the way until they are let through. By the letter of MQTT 3.1.1, with nothing of src.

import { joined } from "../../harness/testing/bytes.ts";
import {
  connack,
  pingresp,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  suback,
  unsuback,
} from "../../harness/testing/frames.ts";
import type { FakeTransport } from "../../harness/testing/transport.ts";
import { type ClientPacket, ClientStream, TYPE_NAMES } from "./client-stream.ts";

/** Filters that are answered with 128. */
export const REFUSED = "f/refused";

export interface Outgoing {
  n: number;
  id: number;
  qos: 0 | 1 | 2;
  topic: string;
  sent: boolean;
  released: boolean;
}

export interface World {
  /** A PUBLISH arrived; `known`: a QoS 2 message that this session has recorded. */
  published(packet: ClientPacket, known: boolean): void;
  /** PUBACK or PUBREC came for a message of the server. */
  confirmed(message: Outgoing): void;
  /** The code of the next CONNACK. */
  code(): number;
  fail(text: string): void;
  note(text: () => string): void;
}

export class HonestServer {
  /** Its number: how many sessions there were. */
  session = 0;
  /** The session was there before this connection. */
  present = false;
  subscriptions: { topic: string; qos: number }[] = [];
  /** Messages for the client that are not through. */
  outgoing: Outgoing[] = [];
  /** CONNACK 0 was sent on this link. */
  greeted = false;
  private readonly world: World;
  private readonly clean: boolean;
  private known = false;
  private recorded: number[] = [];
  /** Packet ids of PUBLISH packets of this connection. */
  private seen: number[] = [];
  private lastId = 0;
  private link: FakeTransport | undefined;
  private stream = new ClientStream();
  private unread: Uint8Array = new Uint8Array(0);
  private way: Uint8Array = new Uint8Array(0);

  constructor(world: World, clean: boolean) {
    this.world = world;
    this.clean = clean;
  }

  /** Nothing is on the way. */
  get quiet(): boolean {
    return this.unread.length + this.way.length + (this.link ? this.link.writes.length : 0) === 0;
  }

  /** A connection comes in; undefined: the one there was is gone. */
  takes(link: FakeTransport | undefined): void {
    this.link = link;
    this.seen = [];
    this.stream = new ClientStream();
    this.unread = new Uint8Array(0);
    this.way = new Uint8Array(0);
    this.greeted = false;
  }

  forgets(): void {
    this.known = false;
  }

  sends(n: number, topic: string, qos: 0 | 1 | 2): void {
    if (qos) this.lastId = (this.lastId % 65535) + 1;
    const message = { n, id: this.lastId, qos, topic, sent: false, released: false };
    if (qos) this.outgoing.push(message);
    if (this.greeted) this.pushes(message);
  }

  /** The server reads up to `count` bytes of what the client wrote. */
  reads(count: number): void {
    if (!this.link) return;
    this.unread = joined([this.unread, ...this.link.writes.splice(0)]);
    const bytes = this.unread.slice(0, count);
    this.unread = this.unread.slice(count);
    for (const packet of this.stream.push(bytes)) this.takesPacket(packet);
  }

  /** Up to `count` bytes arrive at the client. */
  arrives(count: number): void {
    const bytes = this.way.slice(0, count);
    this.way = this.way.slice(count);
    if (bytes.length) this.link!.receives(bytes);
  }

  private pushes(message: Outgoing): void {
    const { n, id, qos, topic, sent } = message;
    this.say(publish(topic, JSON.stringify({ n }), { id, qos, dup: sent }));
    message.sent = true;
  }

  private say(frame: Uint8Array): void {
    this.way = joined([this.way, frame]);
  }

  private takesPacket(packet: ClientPacket): void {
    const { type, id } = packet;
    this.world.note(() => `server reads ${TYPE_NAMES[type]} ${id || ""} ${packet.filters}`);
    switch (type) {
      case 1:
        return this.greet();
      case 3:
        return this.publish(packet);
      case 4:
      case 5:
        for (const one of this.outgoing) if (one.id === id) this.world.confirmed(one);
        if (type === 4) this.outgoing = this.outgoing.filter(one => one.id !== id);
        for (const one of this.outgoing) if (one.id === id) one.released = true;
        return type === 5 ? this.say(pubrel(id)) : undefined;
      case 6:
        this.recorded = this.recorded.filter(one => one !== id);
        return this.say(pubcomp(id));
      case 7:
        this.outgoing = this.outgoing.filter(one => one.id !== id);
        return;
      case 8:
        return this.say(suback(id, ...packet.filters.map((topic, n) => this.subscribe(topic, packet.asked[n]!))));
      case 10:
        this.subscriptions = this.subscriptions.filter(one => packet.filters.indexOf(one.topic) < 0);
        return this.say(unsuback(id));
      case 12:
        return this.say(pingresp());
      default:
        this.greeted = false;
    }
  }

  private greet(): void {
    const code = this.world.code();
    if (code) return this.say(connack(code));
    this.present = this.known && !this.clean;
    if (!this.present) {
      this.session++;
      this.subscriptions = [];
      this.recorded = [];
      this.outgoing = [];
    }
    this.known = true;
    this.greeted = true;
    this.say(connack(0, this.present));
    for (const one of this.outgoing) {
      if (one.released) this.say(pubrel(one.id));
      else this.pushes(one);
    }
  }

  private publish(packet: ClientPacket): void {
    const { id, qos, dup } = packet;
    const known = qos === 2 && this.recorded.indexOf(id) >= 0;
    // On one connection a message may be sent again because its acknowledgement is late.
    const again = this.seen.indexOf(id) >= 0;
    if (qos) this.seen.push(id);
    if (dup && !this.present && !again) this.world.fail(`PUBLISH ${id} with DUP in a session that is new`);
    if (known && !dup) this.world.fail(`PUBLISH ${id} without DUP, and its id is in use`);
    this.world.published(packet, known);
    if (qos === 2 && !known) this.recorded.push(id);
    if (qos) this.say(qos === 1 ? puback(id) : pubrec(id));
  }

  private subscribe(topic: string, qos: number): number {
    this.subscriptions = this.subscriptions.filter(one => one.topic !== topic);
    if (topic === REFUSED) return 128;
    this.subscriptions.push({ topic, qos });
    return qos;
  }
}
