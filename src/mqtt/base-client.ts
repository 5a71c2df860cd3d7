// What DeviceClient and MqttClient have in common: callbacks, connect(), disconnect() and the state, all of them public.
// The work is done by the one Connection that a client owns.

import type { ConnectionException } from "../errors.ts";
import type { Ports } from "../ports.ts";
import type { ClientCallbacks, MessageReceiver } from "./callbacks.ts";
import { Connection } from "./connection.ts";
import type { Counters } from "./counters.ts";
import type { MqttOptions } from "./options.ts";

export abstract class BaseClient implements ClientCallbacks {
  /** CONNACK 0 was received, for the first time or again. `sessionPresent`: the server kept this client's session. */
  connectedCallback: ((sessionPresent: boolean) => void) | undefined;
  /**
   * A connection ended, or an attempt failed. `reason`: undefined after disconnect(). `retryMs`: milliseconds until the
   * next attempt; -1: the client does not retry until connect() is called. Callbacks of messages that are dropped at the
   * end are called before.
   */
  disconnectedCallback: ((reason: ConnectionException | undefined, retryMs: number) => void) | undefined;
  /**
   * Something went wrong that does not end the connection: a callback threw (the client continues as if it had returned),
   * a command could not be decoded, a subscription was refused, the store failed, or publish() or publishEvent() returned
   * false (once, until a message is accepted again).
   */
  errorCallback: ((error: Error) => void) | undefined;
  /**
   * There is room again in the outbox after publish() or publishEvent() returned false because the outbox or the store was
   * full. Called once after each such false, like the event "drain" of a Node stream. A store may still be full then.
   */
  drainCallback: (() => void) | undefined;

  /** @internal */
  protected readonly connection: Connection;

  /** @internal */
  protected constructor(options: MqttOptions, ports: Ports, receiver: MessageReceiver) {
    this.connection = new Connection(options, ports, this, receiver);
  }

  /** A device's is `d:<org>:<type>:<id>`. For a Quickstart device without an id it tells the id that the client chose. */
  get clientId(): string {
    return this.connection.clientId;
  }

  /** True from CONNACK 0 until the connection ends or disconnect() is called. */
  get connected(): boolean {
    return this.connection.stateName === "connected";
  }

  /** "idle", "opening", "awaiting-connack", "connected", "disconnecting" or "reconnect-wait". */
  get stateName(): string {
    return this.connection.stateName;
  }

  /** True while the client is connected or will (re)connect by itself: from connect() to disconnect() or a refusal. */
  get active(): boolean {
    return this.connection.active;
  }

  get counters(): Counters {
    return this.connection.counters;
  }

  /**
   * Connects, and reconnects until disconnect() or a refusal that will not change by itself (CONNACK 1, 2, 4, 5). Returns
   * at once. During the back-off delay, connect() shortens it to 1 s after the last attempt. After a refusal, or after
   * disconnect() while attempts failed, it waits for the whole delay. During disconnect() it cancels disconnect().
   */
  connect(): void {
    this.connection.connect();
  }

  /**
   * Sends what was accepted, waits up to 5 s for confirmations, sends DISCONNECT (the server discards the will) and
   * closes. If the client is still connecting and has something to send, it first waits up to 5 s for CONNACK. With a clean
   * session and no store, messages that could not be sent are dropped and their callbacks get an error; otherwise they wait
   * for the next connect(). It does not wait for subscribe() and unsubscribe(): what was not sent, and the callbacks, wait
   * for the next connect().
   * @param done called once when the last bytes have left and the transport is closed, at the latest 5 s after DISCONNECT,
   * or at once when connect() cancels disconnect(); if disconnect() is called twice, both callbacks are called
   */
  disconnect(done?: () => void): void {
    this.connection.disconnect(done);
  }
}
