// What do the tests of this folder share? A platform with one known device, MQTT.js clients with an inbox, and a raw
// client that writes any bytes. Everything made here is closed when its test ends.

import assert from "node:assert/strict";
import { type EventEmitter, once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { createConnection, type Socket } from "node:net";
import type { TestContext } from "node:test";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import type { DeviceOptions } from "../../../../src/device/config.ts";
import {
  type DeviceEntry,
  type Platform,
  type PlatformEvents,
  type PlatformOptions,
  startPlatform,
} from "../../../harness/platform/platform.ts";
import { frame, publish, u16 } from "../../../harness/testing/frames.ts";
import { IDENTITY, TOKEN } from "../../support/identity.ts";
import { Inbox } from "../../support/inbox.ts";

export const DEVICE: DeviceEntry = { org: "abc123", type: "thermo", id: "t-01", token: TOKEN };
export const CLIENT_ID = "d:abc123:thermo:t-01";
export const ON_APP = "iot-2/type/thermo/id/t-01";

/** Options with which that device connects to a platform. */
export const optionsFor = ({ port }: Platform): DeviceOptions => ({ ...IDENTITY, host: "127.0.0.1", port, tls: false });

export async function startTestPlatform(t: TestContext, options: PlatformOptions = {}): Promise<Platform> {
  const platform = await startPlatform({ devices: [DEVICE], ...options });
  t.after(() => platform.close());
  return platform;
}

/** The next platform event of this name; typed, unlike `once` of node:events. */
export async function next<K extends keyof PlatformEvents>(platform: Platform, name: K): Promise<PlatformEvents[K][0]> {
  const [event] = await once(platform, name);
  return event;
}

export interface Message {
  readonly topic: string;
  readonly text: string;
  readonly payload: Buffer;
  readonly qos: number;
  readonly retain: boolean;
}

/** An MQTT.js client whose messages wait in order until the test asks for them. */
export class TestClient {
  readonly mqtt: MqttClient;
  sessionPresent = false;
  readonly #messages = new Inbox<Message>();

  constructor(client: MqttClient) {
    this.mqtt = client;
    client.on("error", () => {});
    client.on("connect", (connack: { sessionPresent: boolean }) => {
      this.sessionPresent = connack.sessionPresent;
    });
    client.on("message", (topic: string, payload: Buffer, packet: { qos: number; retain: boolean }) => {
      const { qos, retain } = packet;
      this.#messages.push({ topic, text: payload.toString(), payload, qos, retain });
    });
  }

  next(): Promise<Message> {
    return this.#messages.next();
  }

  async publish(topic: string, payload: string | Buffer, qos: 0 | 1 | 2 = 0, retain = false): Promise<void> {
    await this.mqtt.publishAsync(topic, payload, { qos, retain });
  }

  async subscribe(filter: string | string[], qos: 0 | 1 | 2 = 0): Promise<void> {
    await this.mqtt.subscribeAsync(filter, { qos });
  }

  /** Leaves with DISCONNECT. */
  end(): Promise<void> {
    return this.mqtt.endAsync();
  }

  /** Leaves without DISCONNECT. */
  drop(): Promise<void> {
    return this.mqtt.endAsync(true);
  }
}

/** Resolves after CONNACK 0; rejects with MQTT.js's error, whose `code` is the CONNACK code. */
export async function connect(t: TestContext, platform: Platform, options: IClientOptions): Promise<TestClient> {
  const client = new TestClient(mqtt.connect(platform.url, { reconnectPeriod: 0, ...options }));
  t.after(() => client.drop());
  await once(client.mqtt as unknown as EventEmitter, "connect");
  return client;
}

export function connectDevice(t: TestContext, platform: Platform, options: IClientOptions = {}): Promise<TestClient> {
  return connect(t, platform, {
    clientId: CLIENT_ID,
    username: "use-token-auth",
    password: DEVICE.token,
    ...options,
  });
}

/** A platform with a device that is connected. */
export async function startWithDevice(t: TestContext, options?: PlatformOptions) {
  const platform = await startTestPlatform(t, options);
  return { platform, device: await connectDevice(t, platform) };
}

/** The same with an application that sees what the organization does. */
export async function startWatched(t: TestContext) {
  const platform = await startTestPlatform(t);
  const application = await watchOrganization(t, platform);
  return { platform, application, device: await connectDevice(t, platform) };
}

/** A platform with a device that has sent manage. */
export async function startWithManaged(t: TestContext, change?: object) {
  const platform = await startTestPlatform(t);
  return { platform, device: await connectManaged(t, platform, change) };
}

/** What the managed device below claims. */
export const CLAIMS = { deviceActions: true, firmwareActions: true, "acme-v1": true };

/** A device that has sent manage and got its 200; it answers nothing by itself. */
export class ManagedTestDevice {
  readonly client: TestClient;
  #lastId = 0;

  constructor(client: TestClient) {
    this.client = client;
  }

  /** Sends a request; resolves with the answer, which must be the next message. */
  async tell(path: string, d?: unknown): Promise<{ rc: number; message?: string }> {
    const reqId = `r${++this.#lastId}`;
    await this.client.publish(`iotdevice-1/${path}`, JSON.stringify({ d, reqId }), 1);
    const { topic, text } = await this.client.next();
    const answer = JSON.parse(text);
    if (topic !== "iotdm-1/response" || answer.reqId !== reqId)
      throw new Error(`${topic} ${text} does not answer ${reqId}`);
    return answer;
  }

  async manage(change: object = {}): Promise<this> {
    const { rc, message } = await this.tell("mgmt/manage", { lifetime: 3600, supports: CLAIMS, ...change });
    if (rc !== 200) throw new Error(`manage was answered ${rc}: ${message}`);
    return this;
  }

  /** The next request of the platform; answered with `rc`. */
  async answer(path: string, rc: number, rest: object = {}): Promise<{ d?: unknown; reqId: string }> {
    const { topic, text, qos } = await this.client.next();
    if (topic !== `iotdm-1/${path}` || qos !== 1)
      throw new Error(`${topic} at QoS ${qos}, not iotdm-1/${path} at QoS 1`);
    const request = JSON.parse(text);
    await this.client.publish("iotdevice-1/response", JSON.stringify({ rc, ...rest, reqId: request.reqId }), 1);
    return request;
  }

  async notify(field: string, value: unknown): Promise<{ rc: number; message?: string }> {
    return this.tell("notify", { fields: [{ field, value }] });
  }
}

export async function connectManaged(
  t: TestContext,
  platform: Platform,
  change: object = {},
): Promise<ManagedTestDevice> {
  const client = await connectDevice(t, platform);
  await client.subscribe("iotdm-1/#", 1);
  return new ManagedTestDevice(client).manage(change);
}

export function connectApplication(t: TestContext, platform: Platform, clientId = "a:abc123:app"): Promise<TestClient> {
  return connect(t, platform, { clientId });
}

/** An application that sees every event, command and monitor message of its organization. */
export async function watchOrganization(t: TestContext, platform: Platform, org = "abc123"): Promise<TestClient> {
  const application = await connectApplication(t, platform, `a:${org}:watcher`);
  await application.subscribe("iot-2/type/+/id/+/evt/+/fmt/+", 2);
  return application;
}

export const TYPE = { connack: 2, publish: 3, puback: 4, pubrec: 5, pubrel: 6, pubcomp: 7, suback: 9 } as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
}

/** A TCP connection that sends what it is told and hands out whole packets. */
export class RawClient {
  readonly connected: Promise<unknown>;
  /** Resolves when the connection is gone, however it ended. */
  readonly closed: Promise<unknown>;
  readonly #socket: Socket;
  readonly #frames = new Inbox<Frame>();
  #bytes: Buffer = Buffer.alloc(0);

  constructor(t: TestContext, platform: Platform) {
    this.#socket = createConnection(platform.port, "127.0.0.1");
    this.#socket.on("error", () => {});
    this.#socket.on("data", chunk => this.#take(chunk));
    this.connected = once(this.#socket, "connect");
    this.closed = new Promise(resolve => this.#socket.once("close", resolve));
    t.after(() => this.#socket.destroy());
  }

  send(...packets: Uint8Array[]): void {
    this.#socket.write(Buffer.concat(packets));
  }

  /** What arrived and was not taken. */
  get frames(): readonly Frame[] {
    return this.#frames.waiting;
  }

  next(): Promise<Frame> {
    return this.#frames.next();
  }

  drop(): void {
    this.#socket.destroy();
  }

  // Enough for the small packets of these tests: one length byte.
  #take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 2 && this.#bytes.length >= 2 + this.#bytes[1]!) {
      const end = 2 + this.#bytes[1]!;
      const [first] = this.#bytes as unknown as [number];
      this.#frames.push({ type: first >> 4, flags: first & 15, body: this.#bytes.subarray(2, end) });
      this.#bytes = this.#bytes.subarray(end);
    }
  }
}

export async function connectRaw(t: TestContext, platform: Platform, fields: ConnectFields = {}): Promise<RawClient> {
  const raw = new RawClient(t, platform);
  raw.send(connectPacket(fields));
  const connack = await raw.next();
  if (connack.body[1] !== 0) throw new Error(`CONNACK ${connack.body[1]}`);
  return raw;
}

/** Sends packets that break a rule: the platform answers nothing and closes. Returns what it reports. */
export async function breakRule(platform: Platform, raw: RawClient, ...packets: Uint8Array[]) {
  const violated = next(platform, "violation");
  raw.send(...packets);
  await raw.closed;
  assert.deepEqual(raw.frames, []);
  return violated;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A request on a connection of its own. Headers that are empty are not sent. */
export async function sendHttp(
  { port }: Platform,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: string | Buffer,
): Promise<HttpAnswer> {
  const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value));
  const sent = request({ host: "127.0.0.1", port, path, method, agent: false, headers: given });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const text = Buffer.concat(await response.toArray()).toString();
  return { status: response.statusCode!, headers: response.headers, text };
}

/** Credentials in HTTP. */
export function basic(user: string, token: string): string {
  return `Basic ${Buffer.from(`${user}:${token}`).toString("base64")}`;
}

export interface ConnectFields {
  readonly clientId?: string | Uint8Array;
  /** null: the field is left out. */
  readonly user?: string | null;
  readonly password?: string | null;
  readonly clean?: boolean;
  readonly keepAliveSec?: number;
  readonly name?: string;
  readonly level?: number;
}

export function connectPacket(fields: ConnectFields = {}): Uint8Array {
  const { clientId = CLIENT_ID, user = "use-token-auth", password = DEVICE.token } = fields;
  const { clean = true, keepAliveSec = 0, name = "MQTT", level = 4 } = fields;
  const flags = (user === null ? 0 : 0x80) | (password === null ? 0 : 0x40) | (clean ? 2 : 0);
  const credentials = [user, password].filter(text => text !== null).map(field);
  const properties = level === 5 ? [Buffer.of(0)] : [];
  return frame(
    0x10,
    field(name),
    Buffer.of(level, flags),
    u16(keepAliveSec),
    ...properties,
    field(clientId),
    ...credentials,
  );
}

export function publishPacket(topic: string, payload: string | Uint8Array, qos: 0 | 1 | 2 = 0, id = 1): Uint8Array {
  return publish(topic, payload, { qos, id });
}

export function subscribePacket(packetId: number, filters: Record<string, number>): Uint8Array {
  const entries = Object.entries(filters).flatMap(([filter, qos]) => [field(filter), Buffer.of(qos)]);
  return frame(0x82, u16(packetId), ...entries);
}

/** PUBACK, PUBREC, PUBREL or PUBCOMP. */
export function ackPacket(type: number, packetId: number): Uint8Array {
  return frame((type << 4) | (type === TYPE.pubrel ? 2 : 0), u16(packetId));
}

export const DISCONNECT = Buffer.of(0xe0, 0);

function field(text: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(text as Uint8Array);
  return Buffer.concat([u16(bytes.length), bytes]);
}
