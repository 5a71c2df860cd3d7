// What the session keeps in a Store (ports.ts), and how it is restored after a restart. One record per fact:
//
//   m<packet id>   an outgoing message of QoS 1 or 2: from publish() to PUBACK or PUBCOMP
//   r<packet id>   PUBREC was received for it: written before PUBREL is sent, so that it is not published again
//   i<packet id>   an incoming QoS 2 message was delivered: from the return of the callback to PUBREL
//
// A message gets its packet identifier when it is accepted and keeps it: the server recognizes the message by it.

import type { Store } from "../../ports.ts";
import { NO_BYTES } from "../../utf8.ts";
import type { Message } from "./message.ts";
import { AWAITING_PUBCOMP, NOT_IN_FLIGHT } from "./publish-states.ts";

/** First byte of a message: this value, the QoS and, as 4, retain. A different format would have a different value. */
const FORMAT = 0x10;
/** Format (1 byte), sequence number (4 bytes: the order in which messages were accepted), length of the topic (2 bytes). */
const HEADER_BYTES = 7;
const MAX_ID = 65535;

/** A message read from the store, and its place in the order of acceptance. */
interface Restored {
  sequence: number;
  message: Message;
}

export class MessageStore {
  private readonly store: Store;
  private readonly onError: (error: Error) => void;
  private sequence = 0;
  private loaded = false;
  // An r may have stayed whose m is removed. A new message with its identifier must not count as acknowledged by PUBREC.
  private removeFailed: boolean | undefined;
  // Errors of load(), until reportErrors().
  private errors: Error[] | undefined;

  /** @param onError called with what the store throws and with records that cannot be read; the client continues */
  constructor(store: Store, onError: (error: Error) => void) {
    this.store = store;
    this.onError = onError;
  }

  /**
   * Stores a message of QoS 1 or 2 under its packet identifier. False when the store cannot keep it, and until {@link load} has
   * read the keys: a new message would overwrite a stored one with the same identifier.
   */
  add(id: number, topic: Uint8Array, payload: Uint8Array, qos: 0 | 1 | 2, retain: boolean): boolean {
    if (!this.loaded || (this.removeFailed && !this.removeRecord(`r${id}`))) return false;
    const value = new Uint8Array(HEADER_BYTES + topic.length + payload.length);
    const sequence = ++this.sequence;
    value[0] = FORMAT | qos | (retain ? 4 : 0);
    for (let i = 0; i < 4; i++) value[i + 1] = sequence >>> (24 - 8 * i);
    value[5] = topic.length >> 8;
    value[6] = topic.length;
    value.set(topic, HEADER_BYTES);
    value.set(payload, HEADER_BYTES + topic.length);
    return this.set(`m${id}`, value);
  }

  /** PUBACK or PUBCOMP received. The message goes first: a power failure in between leaves an r that load() removes. */
  remove(message: Message): void {
    if (this.removeRecord(`m${message.id}`) && message.state === AWAITING_PUBCOMP) this.clearPubrecReceived(message.id);
  }

  /** PUBREC received for message `id`. False when the store cannot keep that: PUBREL must not be sent. */
  setPubrecReceived(id: number): boolean {
    return this.set(`r${id}`, NO_BYTES);
  }

  /** Message `id` has to be published again from the beginning. */
  clearPubrecReceived(id: number): void {
    this.removeRecord(`r${id}`);
  }

  /** An incoming QoS 2 message was delivered. */
  setReceived(id: number): void {
    this.set(`i${id}`, NO_BYTES);
  }

  /** PUBREL received for it, or the server lost its session. False when the store fails. */
  clearReceived(id: number): boolean {
    return this.removeRecord(`i${id}`);
  }

  /**
   * Reads what was stored before the restart, once; later calls return nothing. Returns messages in the order they were
   * accepted, and appends the identifiers of incoming messages to `received`. Errors wait for {@link reportErrors}: an
   * errorCallback may publish, and must not be given the packet identifier of a message that is still to be read.
   */
  load(received: number[]): Message[] {
    if (!this.errors) this.errors = [];
    const restored: Restored[] = [];
    let keys: string[] = [];
    if (!this.loaded) {
      this.loaded = this.attempt(() => {
        keys = this.store.keys();
      });
    }
    for (let i = 0; i < keys.length; i++) this.attempt(() => this.readRecord(keys[i]!, keys, restored, received));
    if (restored.length) this.sequence = restored[restored.length - 1]!.sequence;
    const messages: Message[] = [];
    for (let i = 0; i < restored.length; i++) messages.push(restored[i]!.message);
    return messages;
  }

  /** Reports what was wrong in {@link load}. */
  reportErrors(): void {
    const errors = this.errors;
    this.errors = undefined;
    for (let i = 0; errors && i < errors.length; i++) this.onError(errors[i]!);
  }

  private readRecord(key: string, keys: string[], restored: Restored[], received: number[]): void {
    const kind = key.charAt(0);
    const id = idOf(key);
    if (!id || (kind !== "m" && kind !== "r" && kind !== "i")) throw new Error(`${key} is not a record of this client`);
    if (kind === "i") received.push(id);
    else if (kind === "m") insert(restored, this.readMessage(id, keys.indexOf(`r${id}`) >= 0));
    else if (keys.indexOf(`m${id}`) < 0) this.removeRecord(key);
  }

  // A damaged record stays until its packet identifier is used again; its r must not be found then.
  private readMessage(id: number, pubrecReceived: boolean): Restored {
    try {
      return parseMessage(id, this.store.get(`m${id}`), pubrecReceived);
    } catch (error) {
      if (pubrecReceived) this.removeRecord(`r${id}`);
      throw error;
    }
  }

  private set(key: string, value: Uint8Array): boolean {
    return this.attempt(() => this.store.set(key, value));
  }

  private removeRecord(key: string): boolean {
    const removed = this.attempt(() => this.store.remove(key));
    if (!removed) this.removeFailed = true;
    return removed;
  }

  /** False if `action` throws; the error is reported. */
  private attempt(action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      const storeError = new Error(`store: ${(error as Error).message}`);
      if (this.errors) this.errors.push(storeError);
      else this.onError(storeError);
      return false;
    }
  }
}

/** Keeps the order of acceptance. Not sort(): it takes 3 KB of flash, and nothing else uses it. */
function insert(restored: Restored[], added: Restored): void {
  let at = restored.length;
  for (; at > 0 && restored[at - 1]!.sequence > added.sequence; at--) restored[at] = restored[at - 1]!;
  restored[at] = added;
}

/** The packet identifier in a key, 1..65535 without leading zeros; 0 if there is none. */
function idOf(key: string): number {
  const id = Number(key.substring(1));
  return id >= 1 && id <= MAX_ID && `${id}` === key.substring(1) && id % 1 === 0 ? id : 0;
}

function parseMessage(id: number, value: Uint8Array | undefined, pubrecReceived: boolean): Restored {
  const end = value && value.length >= HEADER_BYTES ? HEADER_BYTES + ((value[5]! << 8) | value[6]!) : 0;
  const qos = end ? value![0]! & 3 : 0;
  if (!value || end > value.length || value[0]! >> 3 !== FORMAT >> 3 || (qos !== 1 && qos !== 2)) {
    throw new Error(`m${id} is damaged`);
  }
  let sequence = 0;
  for (let i = 1; i < 5; i++) sequence = sequence * 256 + value[i]!;
  const topic = new Uint8Array(value.subarray(HEADER_BYTES, end)); // Espruino makes an Array with slice()
  const payload = new Uint8Array(value.subarray(end));
  const retain = (value[0]! & 4) > 0;
  const state = pubrecReceived && qos === 2 ? AWAITING_PUBCOMP : NOT_IN_FLIGHT;
  return { sequence, message: { topic, payload, qos, retain, id, state, done: undefined, next: undefined } };
}
