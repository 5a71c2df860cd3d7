// One device of a fleet: runs the user's program with ports of its own and records what its clients do.

import type {
  ConnectionException,
  DeviceClient,
  Endpoint,
  MqttClient,
  Ports,
  Timer,
  Transport,
  TransportListener,
} from "../../../src/index.ts";
import type { Connection } from "../../../src/mqtt/connection.ts";
import { nodePorts } from "../../../targets/node/index.ts";
import { seeded } from "../testing/random.ts";
import { contentOf, isEvent } from "./content.ts";
import type { Context } from "./context.ts";
import { addFailedAttempts, type Batch, type EventRecord, type FleetMember } from "./messages.ts";
import { overBadLink } from "./weather.ts";

type Client = DeviceClient | MqttClient;

/** Messages of errorCallback that a device reports; more are only counted. */
const MOST_ERRORS = 3;
/** Of an error message, characters. */
const MOST_CHARACTERS = 500;

/** The batch of the thread, which is another one after each report. */
export interface Recorder {
  readonly batch: Batch;
  /** Milliseconds since the start of the run. */
  now(): number;
}

export class FleetDevice implements Ports {
  readonly clock: Ports["clock"];
  readonly random: () => number;
  readonly clients: Client[] = [];
  /** Events that are accepted and neither confirmed nor dropped. */
  readonly unconfirmed = new Set<EventRecord>();
  stopped = false;
  readonly #member: FleetMember;
  readonly #context: Context<FleetDevice>;
  readonly #recorder: Recorder;
  /** When the last connection attempt began. */
  #openedAt = 0;
  #errors = 0;

  constructor(member: FleetMember, seed: number, context: Context<FleetDevice>, recorder: Recorder) {
    this.#member = member;
    this.#context = context;
    this.#recorder = recorder;
    this.random = seeded(seed + member.index);
    const { clock } = nodePorts;
    this.clock = {
      now: clock.now,
      date: clock.date,
      timer: (due: () => void): Timer => clock.timer(() => context.call(this, due)),
    };
  }

  get index(): number {
    return this.#member.index;
  }

  get connected(): number {
    return this.clients.filter(client => client.connected).length;
  }

  get active(): boolean {
    return this.clients.some(client => client.active);
  }

  /** Runs the program. */
  start(main: (options: unknown) => unknown): void {
    this.#recorder.batch.started++;
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
    this.#recorder.batch.failures.push({ index: this.index, message: text(error) });
    this.stop(() => {});
  }

  /** Disconnects the clients; their timers do nothing any more. */
  stop(done: () => void): void {
    this.stopped = true;
    let left = this.clients.length;
    if (left === 0) return done();
    for (const client of this.clients) {
      client.disconnect(() => {
        left--;
        if (left === 0) done();
      });
    }
  }

  open(endpoint: Endpoint, listener: TransportListener): Transport {
    this.#openedAt = performance.now();
    const marked = new MarkedListener(this, this.#context, listener);
    if (!this.#member.badLink) return nodePorts.open(endpoint, marked);
    return overBadLink(inner => nodePorts.open(endpoint, inner), marked, this.random);
  }

  /** The program made a client: from now on it is watched. */
  watch(client: Client): void {
    const recorder = this.#recorder;
    let connected = false;
    let everConnected = false;
    this.clients.push(client);
    beforeCallback(client, "connectedCallback", () => {
      connected = true;
      if (everConnected) recorder.batch.reconnects++;
      everConnected = true;
      recorder.batch.connects.push(recorder.now());
      recorder.batch.connackMs.push(performance.now() - this.#openedAt);
    });
    beforeCallback(client, "disconnectedCallback", (reason, retryMs) => {
      if (reason && connected) recorder.batch.losses.push(recorder.now());
      else if (reason && retryMs < 0) {
        const code = String(reason.returnCode || reason.code);
        recorder.batch.refused[code] = (recorder.batch.refused[code] ?? 0) + 1;
      } else if (reason) {
        addFailedAttempts(recorder.batch.failedAttempts, { [causeOf(reason)]: { count: 1, example: text(reason) } });
      }
      connected = false;
    });
    beforeCallback(client, "errorCallback", error => {
      recorder.batch.errorCount++;
      this.#errors++;
      if (this.#errors <= MOST_ERRORS) recorder.batch.errors.push({ index: this.index, message: text(error) });
    });
    this.#watchPublish(client);
  }

  #watchPublish(client: Client): void {
    // Inside the client the payload is bytes, as the observer gets it.
    const { connection } = client as unknown as { connection: Connection };
    const publish = connection.publish;
    connection.publish = (topic, payload, qos, retain, done) => {
      const content = isEvent(topic) ? contentOf(topic, payload) : undefined;
      const record: EventRecord = { index: this.index, content, qos };
      const publishedAt = performance.now();
      this.unconfirmed.add(record);
      const accepted = publish.call(connection, topic, payload, qos, retain, error => {
        this.unconfirmed.delete(record);
        const { batch } = this.#recorder;
        if (error) batch.dropped++;
        else {
          batch.confirmed.push(record);
          if (qos > 0) batch.pubackMs.push(performance.now() - publishedAt);
        }
        done?.(error);
      });
      if (accepted) this.#recorder.batch.published[qos]++;
      else this.unconfirmed.delete(record);
      return accepted;
    };
  }
}

type CallbackName = "connectedCallback" | "disconnectedCallback" | "errorCallback";

/** Calls `before` whenever the client calls this callback, whether the program has set one or not. */
function beforeCallback<N extends CallbackName>(client: Client, name: N, before: NonNullable<Client[N]>): void {
  let callback = client[name];
  // biome-ignore lint/suspicious/noExplicitAny: callbacks of any kind
  const both = (...args: any[]) => {
    (before as (...args: unknown[]) => void)(...args);
    (callback as ((...args: unknown[]) => void) | undefined)?.(...args);
  };
  Object.defineProperty(client, name, {
    configurable: true,
    enumerable: true,
    get: () => both,
    set: value => {
      callback = value;
    },
  });
}

/** Causes that the user of this computer can change; the others are the library's codes. */
const SYSTEM_CAUSES = /\b(EMFILE|ENFILE|EADDRNOTAVAIL|ECONNREFUSED)\b/;

function causeOf(reason: ConnectionException): string {
  return SYSTEM_CAUSES.exec(reason.message)?.[1] ?? reason.code;
}

/** Marks the device as running while its client is called. */
class MarkedListener implements TransportListener {
  readonly #device: FleetDevice;
  readonly #context: Context<FleetDevice>;
  readonly #listener: TransportListener;

  constructor(device: FleetDevice, context: Context<FleetDevice>, listener: TransportListener) {
    this.#device = device;
    this.#context = context;
    this.#listener = listener;
  }

  opened(): void {
    this.#context.call(this.#device, () => this.#listener.opened());
  }

  received(bytes: Uint8Array): void {
    this.#context.call(this.#device, () => this.#listener.received(bytes));
  }

  writableAgain(): void {
    this.#context.call(this.#device, () => this.#listener.writableAgain());
  }

  closed(reason?: string): void {
    this.#context.call(this.#device, () => this.#listener.closed(reason));
  }
}

function text(error: unknown): string {
  const [first = ""] = String(error instanceof Error ? error.message || error.name : error).split("\n");
  return first.slice(0, MOST_CHARACTERS);
}
