// The session, or one part of it, on a Recorder: it stands for the encoder, the send buffer and the client, notes
// what is sent and reported, and has as much room as the test says.

import { Callbacks, type MessageReceiver } from "../../../src/mqtt/callbacks.ts";
import type { Message } from "../../../src/mqtt/session/message.ts";
import type { MessageStore } from "../../../src/mqtt/session/message-store.ts";
import { AWAITING_PUBACK } from "../../../src/mqtt/session/publish-states.ts";
import { Session, type SessionLimits } from "../../../src/mqtt/session/session.ts";
import type { Packet } from "../../../src/mqtt/wire/decoder.ts";
import type { AckType, Encoder, Subscription } from "../../../src/mqtt/wire/encoder.ts";
import type { SendBuffer } from "../../../src/mqtt/wire/send-buffer.ts";
import { utf8 } from "../../harness/testing/bytes.ts";

export const LIMITS: SessionLimits = {
  inflight: 3,
  queuedMessages: 4,
  queuedBytes: 1000,
  subscriptions: 3,
  dropOldest: false,
  redeliveries: 0,
};

export class Recorder implements MessageReceiver {
  readonly lines: string[] = [];
  /** Packets that still fit; control packets have two places of their own. */
  room = 1000;
  control = 2;
  streaming = false;
  /** Payloads from this size on are streamed. */
  streamFrom = 100;
  onMessage: () => void = () => {};

  // Classes with private fields cannot be implemented by another class.
  readonly encoder = this as unknown as Encoder;
  readonly buffer = this as unknown as SendBuffer;
  readonly callbacks = new Callbacks(
    {
      connectedCallback: undefined,
      disconnectedCallback: undefined,
      drainCallback: undefined,
      errorCallback: error => this.lines.push(`error ${error.message}`),
    },
    this,
  );

  /** A callback for publish() that notes its call. */
  done(name: string): (error?: Error) => void {
    return error => this.lines.push(error ? `failed ${name}` : `done ${name}`);
  }

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

  receive(packet: Packet): void {
    this.lines.push(`message ${packet.topic} #${packet.messageId ?? 0}`);
    this.onMessage();
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

export function setup(limits: Partial<SessionLimits> = {}, store?: MessageStore): Setup {
  const out = new Recorder();
  const session = new Session(out.encoder, out.callbacks, { ...LIMITS, ...limits }, store);
  return {
    session,
    out,
    send: (name, size, qos = 0) =>
      session.publisher.publish(utf8(name), new Uint8Array(size), qos, false, out.done(name)),
    take(cmd, messageId, more) {
      const common = { length: 2, qos: 0 as const, dup: false, retain: false, topic: null, payload: null };
      const fault = session.packet({ cmd, messageId, ...common, ...more });
      if (fault) out.lines.push(`protocol error: ${fault}`);
    },
  };
}

export function live(limits: Partial<SessionLimits> = {}, store?: MessageStore): Setup {
  const made = setup(limits, store);
  made.session.connected(false);
  return made;
}

/** A message in flight, of so many bytes. */
export const awaitingPuback = (id: number, topic = 0, payload = 0): Message => ({
  topic: new Uint8Array(topic),
  payload: new Uint8Array(payload),
  qos: 1,
  retain: false,
  id,
  state: AWAITING_PUBACK,
  done: undefined,
  next: undefined,
});
