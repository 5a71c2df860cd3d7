// What the session keeps in a Store (ports.ts), and how it comes back after a restart. One entry each:
//
//   m<packet id>   an outgoing message of QoS 1 or 2: from being accepted to PUBACK or PUBCOMP
//   r<packet id>   PUBREC came for it: written before PUBREL leaves, so that it is not published again
//   i<packet id>   an incoming QoS 2 message was delivered: from the callback's return to PUBREL
//
// The packet id is chosen when a message is accepted and never changes: the server knows a message it has seen by it.
// After a crash between two calls there may be an r without its m, never an m that was finished without its r.

import type { Store } from "../ports.ts";
import { QUEUED, RELEASED } from "./flows.ts";
import type { Message } from "./inflight.ts";

/** First byte of a message: this, QoS and, as 4, retain. Another format would have another. */
const FORMAT = 0x10;
/** Format, number (4 bytes: the order messages were accepted in), length of the topic (2 bytes). */
const HEAD = 7;
const NOTHING = new Uint8Array(0);

/** A message that was kept, and its place among the others. */
interface Found {
  number: number;
  message: Message;
}

export class Kept {
  private readonly store: Store;
  private readonly report: (error: Error) => void;
  private number = 0;
  private read = false;
  // What was wrong, from load to tellFaults.
  private faults: Error[] | undefined;

  /** @param report told what the store throws and what in it cannot be read; the client goes on. */
  constructor(store: Store, report: (error: Error) => void) {
    this.store = store;
    this.report = report;
  }

  /** Keeps a message that has its packet id. False when the store cannot. */
  add(message: Message): boolean {
    const { topic, payload } = message;
    const value = new Uint8Array(HEAD + topic.length + payload.length);
    const number = ++this.number;
    value[0] = FORMAT | message.qos | (message.retain ? 4 : 0);
    for (let i = 0; i < 4; i++) value[i + 1] = number >>> (24 - 8 * i);
    value[5] = topic.length >> 8;
    value[6] = topic.length;
    value.set(topic, HEAD);
    value.set(payload, HEAD + topic.length);
    return this.set(`m${message.id}`, value);
  }

  /** PUBACK or PUBCOMP came. */
  drop(message: Message): void {
    this.remove(`m${message.id}`); // first: an r without an m means nothing
    if (message.step === RELEASED) this.remove(`r${message.id}`);
  }

  /** PUBREC came for message `id`, or, when not, it has to be published anew. */
  released(id: number, came: boolean): void {
    if (came) this.set(`r${id}`, NOTHING);
    else this.remove(`r${id}`);
  }

  /** An incoming QoS 2 message was delivered, or, when not, released. */
  received(id: number, delivered: boolean): void {
    if (delivered) this.set(`i${id}`, NOTHING);
    else this.remove(`i${id}`);
  }

  /**
   * Reads what another life left. Returns its messages in the order they were accepted, with their steps, and puts ids of
   * incoming ones into `received`. The second time there is nothing. What is wrong waits for {@link tellFaults}: who hears
   * of it may publish, and must not be given the packet id of a message that is still to be read.
   */
  load(received: number[]): Message[] {
    this.faults = [];
    const found: Found[] = [];
    const keys = this.read ? [] : this.attempt(() => this.store.keys()) || [];
    this.read = true;
    for (let i = 0; i < keys.length; i++) this.attempt(() => this.entry(keys[i]!, keys, found, received));
    found.sort((a, b) => a.number - b.number);
    if (found.length) this.number = found[found.length - 1]!.number;
    return found.map(one => one.message);
  }

  /** Reports what {@link load} found wrong. */
  tellFaults(): void {
    const faults = this.faults;
    this.faults = undefined;
    for (let i = 0; faults && i < faults.length; i++) this.report(faults[i]!);
  }

  private entry(key: string, keys: string[], found: Found[], received: number[]): void {
    const id = Number(key.slice(1));
    if (!/^[mri][1-9][0-9]*$/.test(key) || id > 65535) throw new Error(`${key} is not an entry of this client`);
    if (key[0] === "i") received.push(id);
    else if (key[0] === "m") found.push(this.message(id, keys.indexOf(`r${id}`) >= 0));
    else if (keys.indexOf(`m${id}`) < 0) this.remove(key);
  }

  // What cannot be read stays as it is until its packet id comes again; then its PUBREC must not be found there.
  private message(id: number, released: boolean): Found {
    try {
      return messageOf(id, this.store.get(`m${id}`), released);
    } catch (error) {
      if (released) this.remove(`r${id}`);
      throw error;
    }
  }

  private set(key: string, value: Uint8Array): boolean {
    const kept = this.attempt(() => {
      this.store.set(key, value);
      return true;
    });
    return kept === true;
  }

  private remove(key: string): void {
    this.attempt(() => this.store.remove(key));
  }

  private attempt<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      const fault = new Error(`store: ${(error as Error).message}`);
      if (this.faults) this.faults.push(fault);
      else this.report(fault);
      return undefined;
    }
  }
}

function messageOf(id: number, value: Uint8Array | undefined, released: boolean): Found {
  const end = value && value.length >= HEAD ? HEAD + ((value[5]! << 8) | value[6]!) : 0;
  const qos = end ? value![0]! & 3 : 0;
  if (!value || end > value.length || value[0]! >> 3 !== FORMAT >> 3 || (qos !== 1 && qos !== 2)) {
    throw new Error(`m${id} is damaged`);
  }
  let number = 0;
  for (let i = 1; i < 5; i++) number = number * 256 + value[i]!;
  const topic = value.slice(HEAD, end);
  const payload = value.slice(end);
  const retain = (value[0]! & 4) > 0;
  const step = released && qos === 2 ? RELEASED : QUEUED;
  return { number, message: { topic, payload, qos, retain, id, step, done: undefined, next: undefined } };
}
