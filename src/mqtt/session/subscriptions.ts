// Which filters are subscribed, and which SUBSCRIBE and UNSUBSCRIBE packets still have to be sent or acknowledged? Requests
// are remembered and sent again whenever the server has lost its session. Bound: `limit` requests.

import { ConnectionException } from "../../errors.ts";
import { frozen } from "../../frozen.ts";
import type { Callbacks } from "../callbacks.ts";
import type { Packet } from "../wire/decoder.ts";
import type { Encoder, Subscription } from "../wire/encoder.ts";
import { fewerFree, NO_ID_IN_USE, type PacketIdHolder } from "./packet-ids.ts";
import type { Publisher } from "./publisher.ts";

export type SubscribeCallback = (error: Error | undefined, granted: readonly number[]) => void;

/** A SUBSCRIBE, remembered for the next session, or an UNSUBSCRIBE, remembered until it is acknowledged. */
export interface Request {
  /** Filters that no later request has replaced. */
  subscriptions: readonly Subscription[];
  unsubscribe: boolean;
  /** Packet identifier; 0 until the packet is sent on this connection. */
  id: number;
  /** The filters in the packet that `id` belongs to, if a later request has replaced some of them; else absent. */
  packetFilters?: readonly Subscription[] | undefined;
  /** The server has acknowledged the request in the session it holds now. */
  acknowledged: boolean;
  done?: SubscribeCallback | undefined;
}

/** SUBACK return code for a refused filter [MQTT-3.9.3-2]. */
const FAILURE = 128;
const NO_GRANTS: readonly number[] = frozen();

export class Subscriptions implements PacketIdHolder {
  /** True while a request waits to be sent. */
  waiting = false;
  private requests: Request[] = [];
  private readonly limit: number;
  private readonly callbacks: Callbacks;

  constructor(limit: number, callbacks: Callbacks) {
    this.callbacks = callbacks;
    this.limit = limit;
  }

  /**
   * Remembers a request. Returns the requests it replaces as a whole, which the caller passes to
   * {@link reportReplaced}; undefined when there are too many requests and it replaces none as a
   * whole.
   */
  add(subscriptions: readonly Subscription[], unsubscribe: boolean, done?: SubscribeCallback): Request[] | undefined {
    const topics = topicsOf(subscriptions);
    const full = this.requests.length >= this.limit;
    if (full && !this.requests.filter(request => !remaining(request, topics).length).length) return undefined;
    const replaced = this.removeReplaced(topics);
    const request: Request = { subscriptions, unsubscribe, id: 0, acknowledged: false };
    if (done) request.done = done;
    this.requests.push(request);
    this.waiting = true;
    return replaced;
  }

  reportReplaced(replaced: readonly Request[]): void {
    for (let i = 0; i < replaced.length; i++) {
      const error = new ConnectionException("another request for the same filters came before the answer", "subscribe");
      this.callbacks.invoke(replaced[i]!.done, error, NO_GRANTS);
    }
  }

  /** CONNACK. `subscribed`: the server still has the subscriptions it acknowledged. */
  connected(subscribed: boolean): void {
    this.waiting = true;
    for (let i = 0; i < this.requests.length; i++) {
      const request = this.requests[i]!;
      if (!subscribed) request.acknowledged = false;
      if (!request.acknowledged) releaseId(request);
    }
  }

  /** Sends what waits, with packet identifiers that neither they nor messages of `publisher` use. True if nothing waits any more. */
  pump(publisher: Publisher): boolean {
    for (let i = 0; i < this.requests.length; i++) {
      const request = this.requests[i]!;
      if (request.id || request.acknowledged) continue;
      const id = publisher.ids.next(publisher);
      if (!send(publisher.encoder, request.subscriptions, request.unsubscribe, id)) return false;
      request.id = id;
    }
    this.waiting = false;
    return true;
  }

  /** The oldest request that is sent and not acknowledged. */
  get oldestUnacknowledged(): Request | undefined {
    return this.requests.filter(one => one.id > 0 && !one.acknowledged)[0];
  }

  /**
   * Sends an unacknowledged request again: the same packet, or, if a later request has taken over some of its filters, one
   * for the rest.
   */
  resend(request: Request, publisher: Publisher): void {
    if (!request.packetFilters) send(publisher.encoder, request.subscriptions, request.unsubscribe, request.id);
    else {
      releaseId(request);
      this.waiting = true;
      this.pump(publisher);
    }
  }

  /**
   * SUBACK or UNSUBACK. One for an unknown packet identifier is ignored: it may belong to a replaced request. Returns what
   * is wrong with it, else "".
   */
  onAcknowledgement(packet: Packet): string {
    const request = this.requests.filter(one => one.id === packet.messageId && !one.acknowledged)[0];
    if (!request) return "";
    const granted = packet.cmd === "suback" ? packet.granted! : NO_GRANTS;
    if (request.unsubscribe !== (packet.cmd === "unsuback")) return `unexpected ${packet.cmd}`;
    const filters = filtersOf(request);
    if (!request.unsubscribe && granted.length !== filters.length) {
      return `SUBACK with ${granted.length} codes for ${filters.length} filters`;
    }
    request.acknowledged = true;
    releaseId(request);
    if (request.unsubscribe) this.requests = this.requests.filter(one => one !== request);
    const { done } = request;
    if (done) {
      request.done = undefined;
      this.callbacks.invoke(done, undefined, granted);
    } else this.reportRefused(filters, granted);
    return "";
  }

  freeIdsAfter(last: number): number {
    let free = NO_ID_IN_USE;
    for (let i = 0; i < this.requests.length; i++) free = fewerFree(this.requests[i]!.id, last, free);
    return free;
  }

  // No callback waits for this answer, for example because the server had lost its session.
  private reportRefused(filters: readonly Subscription[], granted: readonly number[]): void {
    for (let i = granted.indexOf(FAILURE); i >= 0; i = granted.indexOf(FAILURE, i + 1)) {
      this.callbacks.error(new ConnectionException(`${filters[i]!.topic} was refused`, "subscribe"));
    }
  }

  // The latest request for a filter is the one that is remembered. Returns the requests of which nothing remains.
  private removeReplaced(topics: readonly string[]): Request[] {
    const replaced: Request[] = [];
    this.requests = this.requests.filter(request => {
      const left = remaining(request, topics);
      if (!left.length) {
        replaced.push(request);
        return false;
      }
      if (left.length < request.subscriptions.length) {
        if (request.id) request.packetFilters = filtersOf(request);
        request.subscriptions = left;
      }
      return true;
    });
    return replaced;
  }
}

function send(encoder: Encoder, subscriptions: readonly Subscription[], unsubscribe: boolean, id: number): boolean {
  if (!unsubscribe) return encoder.subscribe(id, subscriptions);
  return encoder.unsubscribe(id, topicsOf(subscriptions));
}

function topicsOf(subscriptions: readonly Subscription[]): string[] {
  const topics: string[] = [];
  for (let i = 0; i < subscriptions.length; i++) topics.push(subscriptions[i]!.topic);
  return topics;
}

/** The filters in the packet that `id` belongs to. */
function filtersOf(request: Request): readonly Subscription[] {
  return request.packetFilters || request.subscriptions;
}

function releaseId(request: Request): void {
  request.id = 0;
  if (request.packetFilters) request.packetFilters = undefined;
}

/** What a later request for `topics` leaves of `request`. */
function remaining({ subscriptions }: Request, topics: readonly string[]): Subscription[] {
  return subscriptions.filter(one => topics.indexOf(one.topic) < 0);
}
