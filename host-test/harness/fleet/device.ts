// One device of a fleet: the ports of its program, and what becomes of it.

import type { DeviceClient, Endpoint, MqttClient, Ports, Transport, TransportListener } from "../../../src/index.ts";
import { nodePorts } from "../../../targets/node/index.ts";
import { seeded } from "../testing/random.ts";
import { ListenerThrough } from "../testing/transport.ts";
import { overBadLink } from "./bad-link.ts";
import type { Context } from "./context.ts";
import type { FleetMember, MessageRecord } from "./messages.ts";
import { errorText, type Recorder, recordClient } from "./recorder.ts";

export class FleetDevice implements Ports {
  readonly clock: Ports["clock"];
  readonly random: () => number;
  /** Messages that are accepted and neither confirmed nor dropped. */
  readonly unconfirmed = new Set<MessageRecord>();
  /** Its timers and callbacks are not called any more. */
  stopped = false;
  readonly #clients: (DeviceClient | MqttClient)[] = [];
  readonly #member: FleetMember;
  readonly #context: Context<FleetDevice>;
  readonly #recorder: Recorder;

  constructor(member: FleetMember, context: Context<FleetDevice>, recorder: Recorder) {
    this.#member = member;
    this.#context = context;
    this.#recorder = recorder;
    this.random = seeded(member.seed);
    const { clock } = nodePorts;
    this.clock = {
      now: clock.now,
      date: clock.date,
      timer: due => {
        const timer = clock.timer(() => context.call(this, due));
        return { set: delayMs => context.asLibrary(() => timer.set(delayMs)), clear: () => timer.clear() };
      },
    };
  }

  get index(): number {
    return this.#member.index;
  }

  get clientId(): string {
    return this.#member.clientId;
  }

  get connected(): number {
    return this.#clients.filter(client => client.connected).length;
  }

  /** A client is connected or will reconnect. */
  get active(): boolean {
    return this.#clients.some(client => client.active);
  }

  /** Runs the program. */
  start(main: (options: unknown) => unknown): void {
    this.#recorder.batch.started.push(this.index);
    this.#context.start(this, () => {
      try {
        main(this.#member.options);
      } catch (error) {
        this.fail(error);
      }
    });
  }

  /** An exception reached no handler. A board would restart; the device stops, and the report names it. */
  fail(error: unknown): void {
    if (this.stopped) return;
    this.#recorder.batch.stopped.push({ index: this.index, message: errorText(error) });
    this.stop(() => {});
  }

  /** Ends the program: its timers and callbacks are not called any more. @param done all clients are disconnected */
  stop(done: () => void): void {
    this.stopped = true;
    let left = this.#clients.length;
    if (left === 0) return done();
    const disconnected = () => {
      left--;
      if (left === 0) done();
    };
    this.#context.call(this, () => {
      for (const client of this.#clients) client.disconnect(disconnected);
    });
  }

  open(endpoint: Endpoint, listener: TransportListener): Transport {
    // An exception or an endless loop of the client is the device's.
    const called = new ListenerThrough(call => this.#context.call(this, call), listener);
    if (!this.#member.badLink) return nodePorts.open(endpoint, called);
    return overBadLink(inner => nodePorts.open(endpoint, inner), called, this.clock, this.random);
  }

  /** The program has made a client. */
  add(client: DeviceClient | MqttClient): void {
    this.#clients.push(client);
    recordClient(client, this, this.#recorder);
  }
}
