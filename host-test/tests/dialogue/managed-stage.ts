// A managed device on fakes and the server's side of device management, played by the test. Engine-free, so that the same
// cases run on Node and in XS.

import type { ManagedDeviceClient } from "../../../src/device/managed/client.ts";
import type {
  FirmwareInstaller,
  InstallListener,
  ManagedDeviceOptions,
  ManagedOptions,
  PreviousStart,
} from "../../../src/device/managed/types.ts";
import type { Ports } from "../../../src/ports.ts";
import { text } from "../../harness/testing/bytes.ts";
import { FakeClock } from "../../harness/testing/clock.ts";
import { connack, puback, publish, suback } from "../../harness/testing/frames.ts";
import { FakeNetwork, type FakeTransport } from "../../harness/testing/transport.ts";
import { IDENTITY } from "../support/identity.ts";
import { check, LinkReader, same } from "./engine-free.ts";

export type ManagedLibrary = {
  ManagedDeviceClient: new (options: ManagedDeviceOptions, ports: Ports) => ManagedDeviceClient;
};

/** A message of the device: what follows "iotdevice-1/" in the topic, and the JSON. */
export interface Said {
  topic: string;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the device
  message: any;
}

const DEVICE: ManagedDeviceOptions = { ...IDENTITY, host: "broker.test", tls: false };

export class ManagedStage {
  /** now() wraps after 20 s, so that every case with a deadline runs over that. */
  readonly clock = new FakeClock(2 ** 32 - 20_000);
  readonly client: ManagedDeviceClient;
  /** What the application was told, a line each. */
  readonly diary: string[] = [];
  /** false: PUBLISH of the device is not acknowledged. */
  acknowledging = true;
  /** Packet identifiers of PUBLISH that were not acknowledged. */
  unacknowledged: number[] = [];
  /** Filter and QoS, in order. */
  readonly subscribed: string[] = [];
  private readonly net: FakeNetwork;
  private link: FakeTransport | undefined;
  private readonly reader = new LinkReader();
  private packetId = 100;

  constructor(
    { ManagedDeviceClient }: ManagedLibrary,
    managed?: ManagedOptions,
    options?: ManagedDeviceOptions,
    random?: () => number,
  ) {
    this.net = new FakeNetwork(this.clock);
    if (random) this.net.random = random;
    this.client = new ManagedDeviceClient({ ...DEVICE, ...options, ...(managed && { managed }) }, this.net);
    this.client.errorCallback = error => this.diary.push(`error ${error.message}`);
    this.client.commandCallback = ({ command }) => this.diary.push(`command ${command}`);
    this.client.attributeCallback = (name, value) => this.diary.push(`set ${name} ${JSON.stringify(value)}`);
  }

  /** From connect() to SUBACK. */
  connected(): this {
    const before = this.net.links.length;
    this.client.connect();
    while (this.net.links.length === before) this.clock.jumpToNext();
    return this.accepted();
  }

  /** A session that is not present has no packet identifiers. */
  accepted(sessionPresent = false): this {
    if (!sessionPresent) this.unacknowledged.length = 0;
    this.link = this.net.link;
    this.link.opens();
    this.link.receives(connack(0, sessionPresent));
    return this;
  }

  /** The connection breaks, and the client comes back. */
  reconnected(sessionPresent = false): this {
    this.breaks();
    return this.accepted(sessionPresent);
  }

  /** The connection breaks, and the next attempt is refused for good. */
  refused(): this {
    this.breaks();
    this.net.link.opens();
    this.net.link.receives(connack(5));
    return this;
  }

  /** Events of QoS 1 until the outbox is full; the server does not acknowledge them. */
  full(): this {
    this.acknowledging = false;
    for (let n = 0; n < 50 && this.client.publishEvent("status", "json", n, 1); n++);
    this.heard();
    return this;
  }

  private breaks(): void {
    this.link!.ends("ECONNRESET");
    while (this.net.link === this.link) this.clock.jumpToNext();
  }

  /** What the device has said since the last call; every packet is answered as MQTT wants. */
  said(): Said[] {
    const said: Said[] = [];
    for (;;) {
      const packets = this.reader.read(this.link!);
      if (!packets.length) return said;
      for (const { cmd, topic = "", payload, messageId = 0, qos, subscriptions = [] } of packets) {
        if (cmd === "subscribe") {
          this.subscribed.push(...subscriptions.map(one => `${one.topic} ${one.qos}`));
          this.link!.receives(suback(messageId, ...subscriptions.map(one => one.qos)));
        }
        if (cmd !== "publish") continue;
        check(qos === 1, `${topic} at QoS ${qos}`);
        if (topic.startsWith("iotdevice-1/")) {
          said.push({ topic: topic.slice("iotdevice-1/".length), message: JSON.parse(text(payload!)) });
        } else same(topic, "iot-2/evt/status/fmt/json", "topic");
        if (this.acknowledging) this.link!.receives(puback(messageId));
        else this.unacknowledged.push(messageId);
      }
    }
  }

  /** Acknowledges what was not. */
  acknowledge(): void {
    this.acknowledging = true;
    for (const id of this.unacknowledged.splice(0)) this.link!.receives(puback(id));
  }

  /** disconnect(), and the client waits no longer for acknowledgements. */
  left(): void {
    this.client.disconnect();
    this.clock.advance(10_000);
  }

  /** One message, on this topic. */
  saidOne(topic: string): Said["message"] {
    const said = this.said();
    same(said.map(one => one.topic).join(), topic, "topics");
    return said[0]!.message;
  }

  /** The server sends a message; `topic` without "iotdm-1/". */
  server(topic: string, message: unknown, dup = false): this {
    const payload = typeof message === "string" ? message : JSON.stringify(message);
    this.link!.receives(publish(`iotdm-1/${topic}`, payload, { qos: 1, id: ++this.packetId, dup }));
    return this;
  }

  /** Any other message. */
  message(topic: string, payload: string): this {
    this.link!.receives(publish(topic, payload, { qos: 1, id: ++this.packetId }));
    return this;
  }

  /** The device asked; the server answers. */
  answer({ reqId }: { reqId: string }, rc = 200, message?: string): this {
    return this.server("response", { rc, ...(message && { message }), reqId });
  }

  /** The device asked on this topic, and nothing else; the server answers. */
  answered(topic: string, rc?: number, message?: string): this {
    return this.answer(this.saidOne(topic), rc, message);
  }

  /** The server asks, and the device answers at once. */
  ask(topic: string, d?: object): Said["message"] {
    const reqId = this.newId();
    this.server(topic, d ? { d, reqId } : { reqId });
    const answer = this.saidOne("response");
    same(answer.reqId, reqId, "reqId");
    return answer;
  }

  /** Server observes attributes; the answer. */
  observe(...names: string[]): Said["message"] {
    return this.ask("observe", { fields: names.map(field => ({ field })) });
  }

  cancel(...names: string[]): Said["message"] {
    return this.ask("cancel", { fields: names.map(field => ({ field })) });
  }

  /** Server sets one attribute; the answer. */
  set(field: string, value: unknown): Said["message"] {
    return this.ask("device/update", { fields: [{ field, value }] });
  }

  /** An id for a request of the server. */
  newId(): string {
    return `s${this.packetId}`;
  }

  /** A managed device: manage() was sent and accepted; nothing is left unread. */
  managed(): this {
    this.client.manage();
    this.connected();
    this.answered("mgmt/manage");
    same(this.client.managed, true, "managed");
    return this;
  }

  /** A callback of a request. */
  done(name: string): (error?: { code: string; message: string }) => void {
    return error => this.diary.push(error ? `${name}: ${error.code} ${error.message}` : `${name}: done`);
  }

  /** What was written in the diary since the last call. */
  heard(): string[] {
    return this.diary.splice(0);
  }
}

/** An installer that does what the test says. */
export class FakeInstaller implements FirmwareInstaller {
  readonly previousStart?: PreviousStart;
  /** "download VERSION" or "update VERSION", in order. */
  readonly calls: string[] = [];
  /** Of the last call. */
  listener!: InstallListener;
  failure: Error | undefined;

  constructor(previousStart?: PreviousStart) {
    if (previousStart) this.previousStart = previousStart;
  }

  told(): void {
    this.calls.push("told");
  }

  cancel(): void {
    this.calls.push("cancel");
  }

  download({ version, uri }: { version?: string; uri?: string }, listener: InstallListener): void {
    this.begin(`download ${version} ${uri}`, listener);
  }

  update({ version }: { version?: string }, listener: InstallListener): void {
    this.begin(`update ${version}`, listener);
  }

  private begin(call: string, listener: InstallListener): void {
    this.calls.push(call);
    this.listener = listener;
    if (this.failure) throw this.failure;
  }
}
