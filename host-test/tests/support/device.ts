// A client on fakes, ready for use: its network, its clock, a diary of what it told the application, and what it said to
// the server, read by the witness. The server's part is played by the test.

import type { DeviceOptions } from "../../../src/device/config.ts";
import type { ClientCallbacks } from "../../../src/mqtt/callbacks.ts";
import type { MqttOptions } from "../../../src/mqtt/options.ts";
import type { Store } from "../../../src/ports.ts";
import { FakeClock } from "../../harness/testing/clock.ts";
import { connack, suback } from "../../harness/testing/frames.ts";
import { told } from "../../harness/testing/packets.ts";
import { FakeNetwork, type FakeTransport } from "../../harness/testing/transport.ts";
import { IDENTITY } from "./identity.ts";
import { DeviceClient, MqttClient } from "./subject.ts";
import { type ClientPacket, Witness } from "./witness.ts";

export const DEVICE: DeviceOptions = Object.freeze({
  ...IDENTITY,
  host: "broker.test",
  tls: false,
});

export const PLAIN: MqttOptions = Object.freeze({
  endpoint: Object.freeze({ host: "broker.test", port: 1883 }),
  clientId: "plain",
});

/** What both clients have in common. */
interface Client extends ClientCallbacks {
  connect(): void;
  disconnect(done?: () => void): void;
}

export class Stage<C extends Client> {
  readonly clock: FakeClock;
  readonly net: FakeNetwork;
  readonly client: C;
  /** What the application was told, in order, one line each. */
  readonly diary: string[] = [];
  /** Every Error the application was told. */
  readonly errors: Error[] = [];
  private witness = new Witness();
  private witnessed: FakeTransport | undefined;
  private readTo = 0;

  constructor(make: (net: FakeNetwork, stage: Stage<C>) => C, startMs: number) {
    this.clock = new FakeClock(startMs);
    this.net = new FakeNetwork(this.clock);
    this.client = make(this.net, this);
  }

  get link(): FakeTransport {
    return this.net.link;
  }

  /** Packets that arrived at the far end of the newest link since the last call. */
  packets(): ClientPacket[] {
    const link = this.link;
    if (link !== this.witnessed) {
      this.witnessed = link;
      this.witness = new Witness();
      this.readTo = 0;
    }
    const packets: ClientPacket[] = [];
    for (; this.readTo < link.writes.length; this.readTo++)
      packets.push(...this.witness.read(link.writes[this.readTo]!));
    return packets;
  }

  /** The same, a line each. */
  said(): string[] {
    return this.packets().map(told);
  }

  /** Bytes at the far end that are not a whole packet yet. */
  get unfinished(): number {
    return this.witness.unfinished;
  }

  /** What was written in the diary since the last call. */
  heard(): string[] {
    return this.diary.splice(0);
  }

  note(line: string): void {
    this.diary.push(line);
  }

  /** Notes what the callbacks of both clients are told. */
  listen(client: ClientCallbacks): void {
    client.connectedCallback = present => this.note(present ? "connected, session present" : "connected");
    client.disconnectedCallback = (reason, retryMs) => {
      if (reason) this.errors.push(reason);
      this.note(`disconnected${reason ? ` ${reason.code}` : ""}, ${retryMs < 0 ? "for good" : `retry in ${retryMs}`}`);
    };
    client.errorCallback = error => {
      this.errors.push(error);
      this.note(`error ${error.message}`);
    };
  }

  /** A callback for publishes: writes "done NAME", or "failed NAME: reason". */
  done(name: string): (error?: Error) => void {
    return error => {
      if (error) this.errors.push(error);
      this.note(error ? `failed ${name}: ${error.message}` : `done ${name}`);
    };
  }

  /** From connect() to CONNACK; also from a link that waits to be opened again. Nothing is left unread. */
  connected(sessionPresent = false): this {
    this.client.connect();
    return this.accepted(sessionPresent);
  }

  /** The newest link comes up and CONNACK 0 arrives. */
  accepted(sessionPresent = false): this {
    this.link.opens();
    this.link.receives(connack(0, sessionPresent));
    return this;
  }

  /** Reads and forgets all that was said and told. */
  quiet(): this {
    this.packets();
    this.diary.length = 0;
    return this;
  }

  /** The link breaks; the client waits and comes back. */
  reconnected(sessionPresent: boolean): this {
    this.link.ends("ECONNRESET");
    this.clock.jumpToNext();
    return this.accepted(sessionPresent);
  }
}

export function mqtt(options: Partial<MqttOptions> = {}, startMs = 0, store?: Store): Stage<MqttClient> {
  return new Stage((net, stage) => {
    if (store) net.store = store;
    const client = new MqttClient({ ...PLAIN, ...options }, net);
    stage.listen(client);
    client.messageCallback = ({ topic, payload, qos, retain, dup }) => {
      const text = payload.length > 64 ? `(${payload.length} bytes)` : Buffer.from(payload).toString();
      stage.note(`message ${topic} ${text} q${qos}${retain ? " retain" : ""}${dup ? " dup" : ""}`);
    };
    client.oversizeCallback = (topic, size) => stage.note(`too large ${topic} ${size}`);
    return client;
  }, startMs);
}

export function device(options: DeviceOptions = {}, startMs = 0): Stage<DeviceClient> {
  return new Stage((net, stage) => {
    const client = new DeviceClient({ ...DEVICE, ...options }, net);
    stage.listen(client);
    client.commandCallback = ({ command, format, data }) => {
      stage.note(`command ${command} ${format} ${JSON.stringify(data)}`);
    };
    return client;
  }, startMs);
}

/** A device that is connected and subscribed, with nothing unread. */
export function readyDevice(options: DeviceOptions = {}): Stage<DeviceClient> {
  const stage = device(options).connected();
  stage.link.receives(suback(1, 1));
  return stage.quiet();
}

/** A plain client that is connected, with nothing unread. */
export function readyMqtt(options: Partial<MqttOptions> = {}): Stage<MqttClient> {
  return mqtt(options).connected().quiet();
}
