// A durable MQTT server at the far end of a fake link, with QoS 0, 1 and 2 in both directions as the standard has them.
// Bytes of either direction stay on the way until the test lets some of them through; a cut loses the rest.

import { type FakeTransport, joined } from "./fake-transport.ts";
import { type ClientPacket, connack, pingresp, puback, pubcomp, publish, pubrec, pubrel, Witness } from "./frames.ts";

interface Outgoing {
  id: number;
  qos: 1 | 2;
  text: string;
  sent: boolean;
  released: boolean;
}

export class FakeServer {
  /** Payloads of what clients published, in the order they were delivered onwards. */
  readonly delivered: string[] = [];
  /** The next CONNECT finds no session. */
  forgetful = false;
  private link: FakeTransport | undefined;
  private witness = new Witness();
  private read = 0;
  private way: Uint8Array = new Uint8Array(0);
  private greeted = false;
  private session = false;
  private recorded: number[] = [];
  private outgoing: Outgoing[] = [];
  private lastId = 0;

  /** A connection comes in. */
  take(link: FakeTransport): void {
    this.link = link;
    this.witness = new Witness();
    this.read = 0;
    this.way = new Uint8Array(0);
    this.greeted = false;
  }

  /** Bytes on the way to the client. */
  get underway(): number {
    return this.way.length;
  }

  /** Bytes of the client that the server has not read. */
  get unread(): number {
    return this.link ? this.link.sent.length - this.read : 0;
  }

  /** Messages for the client that are not through. */
  get owed(): number {
    return this.outgoing.length;
  }

  /** A message for the client. */
  send(text: string, qos: 1 | 2): void {
    this.lastId = (this.lastId % 65535) + 1;
    this.outgoing.push({ id: this.lastId, qos, text, sent: false, released: false });
    this.pump();
  }

  /** The server reads up to `count` bytes of what the client wrote. */
  reads(count: number): void {
    const bytes = this.link!.sent.subarray(this.read, this.read + count);
    this.read += bytes.length;
    for (const packet of this.witness.read(bytes)) this.takes(packet);
  }

  /** Up to `count` bytes arrive at the client. */
  arrives(count: number): void {
    const bytes = this.way.slice(0, count);
    this.way = this.way.slice(count);
    if (bytes.length) this.link!.receives(bytes);
  }

  private say(...frames: Uint8Array[]): void {
    this.way = joined([this.way, ...frames]);
  }

  private takes(packet: ClientPacket): void {
    const id = packet.messageId!;
    switch (packet.cmd) {
      case "connect":
        return this.greet();
      case "publish":
        return this.publish(packet);
      case "pubrel":
        this.recorded = this.recorded.filter(one => one !== id);
        return this.say(pubcomp(id));
      case "puback":
      case "pubcomp":
        this.outgoing = this.outgoing.filter(one => one.id !== id);
        return this.pump();
      case "pubrec":
        for (const one of this.outgoing) if (one.id === id) one.released = true;
        return this.say(pubrel(id));
      case "pingreq":
        return this.say(pingresp());
      case "disconnect":
        return;
      default:
        throw new Error(`the fake server has no ${packet.cmd}`);
    }
  }

  private greet(): void {
    if (this.forgetful) {
      this.session = false;
      this.recorded = [];
      this.outgoing = [];
    }
    this.forgetful = false;
    this.greeted = true;
    this.say(connack(0, this.session));
    this.session = true;
    for (const one of this.outgoing) {
      if (one.released) this.say(pubrel(one.id));
      else if (one.sent) this.say(publish("to/client", one.text, { ...one, dup: true }));
    }
    this.pump();
  }

  private publish(packet: ClientPacket): void {
    const id = packet.messageId!;
    const known = packet.qos === 2 && this.recorded.includes(id);
    if (!known) this.delivered.push(String(packet.payload));
    if (packet.qos === 2 && !known) this.recorded.push(id);
    if (packet.qos === 1) this.say(puback(id));
    if (packet.qos === 2) this.say(pubrec(id));
  }

  // Twenty at a time, as Mosquitto does.
  private pump(): void {
    if (!this.greeted) return;
    for (const one of this.outgoing.slice(0, 20)) {
      if (one.sent) continue;
      one.sent = true;
      this.say(publish("to/client", one.text, one));
    }
  }
}
