// session/session.ts on a recorder, which writes down what is sent and told, and has as much room as the test says.

import { type PacketSink, Session, type SessionLimits, type SessionListener } from "../../src/session/session.ts";
import type { AckType, Packet, Subscription } from "../../src/wire/packet.ts";
import { utf8 } from "../testing/bytes.ts";

const LIMITS: SessionLimits = {
  inflight: 3,
  queuedMessages: 4,
  queuedBytes: 1000,
  subscriptions: 3,
  dropOldest: false,
};

export class Recorder implements PacketSink, SessionListener {
  readonly lines: string[] = [];
  /** Packets that still fit; control packets have two places of their own. */
  room = 1000;
  control = 2;
  streaming = false;
  /** Payloads from this size on are streamed. */
  streamFrom = 100;
  onMessage: () => void = () => {};

  private take(line: string, reserve: boolean): boolean {
    if (this.room > 0) this.room--;
    else if (reserve && this.control > 0) this.control--;
    else return false;
    this.lines.push(line);
    return true;
  }

  publish(topic: Uint8Array, payload: Uint8Array, qos: number, _retain: boolean, dup: boolean, id: number): boolean {
    if (this.streaming) return false;
    const line = `PUBLISH${dup ? " dup" : ""} #${id} q${qos} ${Buffer.from(topic)} ${payload.length}`;
    if (!this.take(line, false)) return false;
    this.streaming = payload.length >= this.streamFrom;
    return true;
  }

  ack(type: AckType, id: number): boolean {
    return this.take(`${type.toUpperCase()} #${id}`, true);
  }

  subscribe(id: number, subscriptions: readonly Subscription[]): boolean {
    return this.take(`SUBSCRIBE #${id} ${subscriptions.map(one => one.topic)}`, true);
  }

  unsubscribe(id: number, topics: readonly string[]): boolean {
    return this.take(`UNSUBSCRIBE #${id} ${topics}`, true);
  }

  ping(): boolean {
    return this.take("PINGREQ", true);
  }

  message(packet: Packet): void {
    this.lines.push(`message ${packet.topic} #${packet.messageId ?? 0}`);
    this.onMessage();
  }

  violation(reason: string): void {
    this.lines.push(`violation: ${reason}`);
  }

  tell<A, B>(callback: ((first: A, second: B) => void) | undefined, first: A, second: B): void {
    callback?.(first, second);
  }

  said(): string[] {
    return this.lines.splice(0);
  }
}

export interface Setup {
  session: Session;
  out: Recorder;
  send(name: string, size: number, qos?: 0 | 1 | 2): boolean;
  take(cmd: string, messageId: number, more?: object): void;
}

export function setup(limits: Partial<SessionLimits> = {}): Setup {
  const out = new Recorder();
  const session = new Session(out, out, { ...LIMITS, ...limits });
  return {
    session,
    out,
    send: (name, size, qos = 0) =>
      session.publish(utf8(name), new Uint8Array(size), qos, false, error => {
        out.lines.push(error ? `failed ${name}` : `done ${name}`);
      }),
    take: (cmd, messageId, more) =>
      session.packet({ cmd, messageId, length: 2, qos: 0, dup: false, retain: false, ...more }),
  };
}

export function live(limits: Partial<SessionLimits> = {}): Setup {
  const made = setup(limits);
  made.session.accepted(false);
  return made;
}
