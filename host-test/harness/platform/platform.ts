// A local WIoTP: admits clients, routes messages and closes connections as the hosted platform does. aedes implements MQTT.
//
//     const platform = await startPlatform({ devices: [{ org: "abc123", type: "thermo", id: "t-01", token: "…" }] });
//     const { data } = await platform.awaitEvent({ event: "status" });
//     await platform.close();

import { EventEmitter, once, setMaxListeners } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Aedes, type AedesPublishPacket, type AuthenticateError, type Client } from "aedes";
import { Backpressure } from "./backpressure.ts";
import { CLOSE, CONNACK, closeText, connackText } from "./codes.ts";
import { Connection } from "./connection.ts";
import { ProtocolDetector } from "./detect-protocol.ts";
import type {
  CommandEvent,
  DeviceEvent,
  ManagementEvent,
  PlatformEvents,
  PlatformMessage,
  QoS,
  SessionInfo,
} from "./events.ts";
import { FrameMeter, PUBLISH_TYPE } from "./frames.ts";
import { HttpEndpoint } from "./http.ts";
import { type DeviceIdentity, deviceClientId, isLevel, isLoopback, parseClientId } from "./identity.ts";
import { clientIdOf, type DeviceRef, type EventFilter, EventInbox, type ReceivedEvent } from "./inbox.ts";
import { formatLine, listenForEntries } from "./log-entry.ts";
import { DeviceManagement, Management } from "./management.ts";
import { ManagementHttp } from "./management-http.ts";
import { connectMessage, disconnectMessage, failedConnectMessage, type MonitorMessage } from "./monitor.ts";
import { originOf } from "./origin.ts";
import { addPacketHooks, REFUSED, translateOutbound } from "./packet-hooks.ts";
import { utf8 } from "./printable.ts";
import { type ApplicationEntry, type DeviceEntry, QUICKSTART, Registry } from "./registry.ts";
import { readSession } from "./session-info.ts";
import { patchStore } from "./store-patches.ts";
import { Takeover } from "./takeover.ts";
import { deviceTopic, parseBrokerTopic } from "./topics.ts";

export type * from "./events.ts";
export type { DeviceRef, EventFilter, ReceivedEvent } from "./inbox.ts";
export type { ActionOptions, DeviceManagement, UpdateOptions } from "./management.ts";
export type { ApplicationEntry, DeviceEntry } from "./registry.ts";

export interface PlatformOptions {
  /** Default 0: the system chooses a free one. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly devices?: readonly DeviceEntry[];
  /** An organization without registered applications admits every application. */
  readonly applications?: readonly ApplicationEntry[];
  /** Organizations to know besides those of the devices and applications. */
  readonly orgs?: readonly string[];
  /** Accept any device of a known organization with any token. Default false. */
  readonly open?: boolean;
  /** Admit `d:quickstart:<type>:<id>`. Default true. */
  readonly quickstart?: boolean;
  /** Called with one line for people for each event of the platform. */
  readonly log?: (line: string) => void;
}

export interface CommandOptions {
  /** One topic level, default "json". */
  readonly format?: string;
  /** Default 1. */
  readonly qos?: QoS;
}

/** Default time-out of the `await…` methods, milliseconds. */
const TIMEOUT_MS = 5000;

/** MQTT 3.1 ids may be longer than its 23 characters here (docs/protocol.md 1.2). */
const MAX_CLIENT_ID_LENGTH = 256;

/**
 * Starts a platform and resolves when it listens; several can run in one process.
 * @throws TypeError for an option that is no organization, device or application; the error of node:net when it cannot
 * listen there
 */
export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const platform = new Platform(options);
  await platform.listen(options.port ?? 0, options.host ?? "127.0.0.1");
  return platform;
}

/** Made by {@link startPlatform}; emits {@link PlatformEvents}. */
export class Platform extends EventEmitter<PlatformEvents> {
  /** Only the names of {@link PlatformEvents}: the types of Node take any. */
  declare on: <E extends keyof PlatformEvents>(event: E, listener: (...values: PlatformEvents[E]) => void) => this;
  declare once: <E extends keyof PlatformEvents>(event: E, listener: (...values: PlatformEvents[E]) => void) => this;
  declare off: <E extends keyof PlatformEvents>(event: E, listener: (...values: PlatformEvents[E]) => void) => this;
  /** False: the platform refuses every well-formed CONNECT with code 3. Open connections stay. */
  available = true;
  readonly #registry = new Registry();
  readonly #connections = new Map<Client, Connection>();
  readonly #takeover = new Takeover();
  readonly #inbox = new EventInbox();
  readonly #backpressure = new Backpressure();
  /** Aborted when the platform has closed. */
  readonly #ended = new AbortController();
  readonly #broker: Aedes;
  readonly #server: Server;
  readonly #management: Management;
  readonly #http: HttpEndpoint;
  readonly #detector: ProtocolDetector;
  #url = "";
  /** True if only this machine can reach the platform. */
  #loopback = true;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(options: PlatformOptions) {
    super();
    // Each call of an await… method that waits has a listener on both.
    setMaxListeners(0, this, this.#ended.signal);
    this.#register(options);
    const { log } = options;
    if (log) listenForEntries(this, entry => log(formatLine(entry)));
    this.#broker = this.#createBroker();
    // Without noDelay, Nagle's algorithm and delayed acknowledgements cost 40 ms per exchange.
    this.#server = createServer({ noDelay: true }, socket => this.#detector.detect(socket));
    this.#management = this.#createManagement();
    this.#http = this.#createHttpEndpoint();
    this.#detector = new ProtocolDetector((protocol, socket) => {
      if (protocol === "mqtt") this.#acceptMqtt(socket);
      else if (protocol === "http") this.#http.accept(socket);
      else this.#refuseTls(socket);
    });
  }

  /** @internal */
  async listen(port: number, host: string): Promise<void> {
    await this.#broker.listen();
    patchStore(this.#broker, clientId => this.#holdsFilters(clientId));
    this.#watchMessages();
    this.#server.listen(port, host);
    try {
      await once(this.#server, "listening");
    } catch (error) {
      this.#broker.close();
      throw error;
    }
    this.#loopback = isLoopback((this.#server.address() as AddressInfo).address);
    this.#url = originOf("mqtt", host, this.port);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `mqtt://` host and port; devices that speak HTTP use the same port. */
  get url(): string {
    return this.#url;
  }

  /** Client ids of the devices and applications connected now. */
  get connectedClients(): string[] {
    return [...this.#connections.values()]
      .filter(connection => connection.stage === "open")
      .map(connection => connection.clientId);
  }

  connected(client: DeviceRef): boolean {
    return this.#openConnection(clientIdOf(client)) !== undefined;
  }

  /**
   * Registers a device, or changes the token of a registered one.
   * @throws TypeError saying which part is not legal (docs/protocol.md 1.2), never with the token
   */
  addDevice(device: DeviceEntry): void {
    this.#registry.addDevice(device);
  }

  /** Registers an application; see {@link PlatformOptions.applications}. */
  addApplication(application: ApplicationEntry): void {
    this.#registry.addApplication(application);
  }

  /**
   * Resolves with the first event that matches and that no earlier call returned; it may have arrived before this call.
   * The platform keeps the last 1000 events, 4 MiB at most.
   * @param timeoutMs default 5000
   * @throws Error that names the filter and the events that arrived instead, after the time-out and when the platform
   * closes
   */
  awaitEvent(filter: EventFilter = {}, timeoutMs: number = TIMEOUT_MS): Promise<ReceivedEvent> {
    return this.#inbox.next(filter, timeoutMs);
  }

  /** Resolves when the device is connected, at once if it is. @throws Error after `timeoutMs`, default 5000 */
  async awaitConnected(device: DeviceRef, timeoutMs: number = TIMEOUT_MS): Promise<void> {
    const clientId = clientIdOf(device);
    await this.#waitUntil("connect", clientId, () => this.connected(clientId), timeoutMs);
  }

  /**
   * Resolves when the device is connected and subscribed to commands, at once if it is. A device without a durable
   * session does not receive a command that was sent before. @throws Error after `timeoutMs`, default 5000
   */
  async awaitSubscribed(device: DeviceRef, timeoutMs: number = TIMEOUT_MS): Promise<void> {
    const clientId = clientIdOf(device);
    const listens = () =>
      [...(this.#openConnection(clientId)?.filters.keys() ?? [])].some(filter => /\/cmd\//.test(filter));
    await this.#waitUntil("subscribe", clientId, listens, timeoutMs);
  }

  /** Resolves when the device is not connected, at once if it is not. @throws Error after `timeoutMs`, default 5000 */
  async awaitDisconnected(device: DeviceRef, timeoutMs: number = TIMEOUT_MS): Promise<void> {
    const clientId = clientIdOf(device);
    await this.#waitUntil("disconnect", clientId, () => !this.connected(clientId), timeoutMs);
  }

  /** Resolves when the device is managed, at once if it is. @throws Error after `timeoutMs`, default 5000 */
  async awaitManaged(device: DeviceRef, timeoutMs: number = TIMEOUT_MS): Promise<void> {
    const clientId = clientIdOf(device);
    await this.#waitUntil("managed", clientId, () => this.#management.state(clientId).managed, timeoutMs);
  }

  /**
   * Device management of one device (docs/protocol.md 7): what it told, and the operator's actions. The platform answers
   * the requests of every device by itself.
   * @throws TypeError for an illegal device
   */
  management(device: DeviceRef): DeviceManagement {
    const clientId = clientIdOf(device);
    deviceIdentity(clientId);
    return new DeviceManagement(clientId, this.#management);
  }

  /** Closes a connection as an administrator can. Resolves when it is closed, with false if there was none. */
  async disconnectDevice(device: DeviceRef): Promise<boolean> {
    const connection = this.#openConnection(clientIdOf(device));
    connection?.close(CLOSE.administrator, "disconnectDevice");
    await connection?.closed;
    return connection !== undefined;
  }

  /**
   * Sends a command as an application does (docs/protocol.md 3). A device that is not connected receives it later if it has
   * a durable session and subscribed at QoS 1 or 2.
   * @param data sent unchanged if it is bytes, or text and the format is not json; else as JSON
   * @throws TypeError for an illegal device, command or format, or data that has no JSON
   */
  async sendCommand(
    device: DeviceRef,
    command: string,
    data: unknown = {},
    options: CommandOptions = {},
  ): Promise<void> {
    const { format = "json", qos = 1 } = options;
    for (const level of [command, format]) {
      if (!isLevel(level)) throw new TypeError(`no topic level: ${JSON.stringify(level).slice(0, 60)}`);
    }
    await this.sendToDevice(
      clientIdOf(device),
      `iot-2/cmd/${command}/fmt/${format}`,
      commandPayload(data, format),
      qos,
    );
  }

  /** Publishes to one device, connected or not. `topic` is the device's own, for instance `iotdm-1/observe`. */
  async sendToDevice(device: DeviceRef, topic: string, payload: string | Uint8Array, qos: QoS = 0): Promise<void> {
    const clientId = clientIdOf(device);
    const identity = deviceIdentity(clientId);
    if (topic.startsWith("iotdm-1/")) {
      this.#management.sent(clientId, topic, Buffer.from(payload as Uint8Array).toString());
    }
    await this.#publish(deviceTopic(identity, topic), payload, qos, false);
  }

  /** The session of this client; undefined if it is not connected and has no durable session. */
  session(client: DeviceRef): Promise<SessionInfo | undefined> {
    const clientId = clientIdOf(client);
    return readSession(this.#broker, clientId, this.#openConnection(clientId));
  }

  /** Closes the server and every connection. Resolves when all are closed. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  /** @internal CONNECT and PUBLISH wait until resume(). */
  pause(): void {
    this.#backpressure.pause();
  }

  /** @internal */
  resume(): void {
    this.#backpressure.resume();
  }

  async #shutDown(): Promise<void> {
    this.#backpressure.resume();
    const serverClosed = new Promise(resolve => this.#server.close(resolve));
    this.#detector.close();
    this.#http.close();
    this.#management.close();
    const connections = [...this.#connections.values()];
    for (const connection of connections) connection.close(CLOSE.shuttingDown, "platform closes");
    await Promise.all(connections.map(connection => connection.closed));
    this.#ended.abort();
    this.#inbox.close();
    await new Promise<void>(resolve => this.#broker.close(resolve));
    await serverClosed;
  }

  #register({ devices = [], applications = [], orgs = [], open = false, quickstart = true }: PlatformOptions): void {
    this.#registry.open = open;
    if (quickstart) this.#registry.addOrg(QUICKSTART);
    for (const org of orgs) this.#registry.addOrg(org);
    for (const device of devices) this.#registry.addDevice(device);
    for (const application of applications) this.#registry.addApplication(application);
  }

  #createBroker(): Aedes {
    const broker = new Aedes({
      maxClientsIdLength: MAX_CLIENT_ID_LENGTH,
      authenticate: (client, user, password, done) => {
        this.#backpressure.wait(() => this.#authenticate(client, user, password, done));
      },
      authorizePublish: (_client, packet, done) => {
        if (packet.topic === REFUSED) done(new Error(REFUSED));
        else this.#backpressure.wait(() => done(null));
      },
      authorizeSubscribe: (client, subscription, done) => {
        if (subscription.topic === REFUSED) return done(new Error(REFUSED));
        // aedes calls this for new subscriptions and for those of a resumed session.
        this.#connections.get(client)?.filters.set(subscription.topic, subscription.qos);
        done(null, subscription);
      },
      authorizeForward: (client, packet) => {
        const connection = this.#connections.get(client);
        return connection ? translateOutbound(connection, packet) : packet;
      },
    });
    broker.on("client", client => this.#withConnection(client, connection => this.#onConnected(connection)));
    broker.on("connackSent", ({ returnCode }, client) => {
      if (returnCode) this.#withConnection(client, connection => this.#onRefused(connection, returnCode));
    });
    broker.on("subscribe", (_, client) => {
      if (client) this.#withConnection(client, ({ clientId }) => this.emit("subscribe", { clientId }));
    });
    broker.on("clientDisconnect", client => this.#withConnection(client, connection => this.#onClosed(connection)));
    broker.on("keepaliveTimeout", client =>
      this.#withConnection(client, connection => connection.setCause(CLOSE.timedOut, "keep-alive")),
    );
    const onError = (client: Client, error: Error) =>
      this.#withConnection(client, connection => this.#onError(connection, error));
    broker.on("clientError", onError);
    broker.on("connectionError", onError);
    return broker;
  }

  #createManagement(): Management {
    return new Management({
      send: (clientId, topic, payload) => {
        // Fails only while the broker closes.
        this.#publish(deviceTopic(deviceIdentity(clientId), topic), payload, 1, false).catch(() => {});
      },
      violation: (clientId, detail) => this.emit("violation", { clientId, detail: detail.slice(0, 200) }),
      changed: clientId => this.emit("managed", { clientId }),
      ended: (clientId, outcome) => this.emit("action", { clientId, ...outcome }),
      connected: clientId => this.connected(clientId),
    });
  }

  #createHttpEndpoint(): HttpEndpoint {
    return new HttpEndpoint({
      available: () => this.available,
      loopback: () => this.#loopback,
      identify: (named, device, { user, password }) => {
        const credentials = { user, password, cleanSession: true };
        const org = named ?? this.#registry.orgOf(device, credentials);
        if (org === undefined) return undefined;
        const identity: DeviceIdentity = { kind: "device", org, ...device };
        return this.#registry.check(identity, credentials) === CONNACK.accepted ? identity : undefined;
      },
      identifyApplication: (named, { user, password }) =>
        this.#registry.orgOfApplication(named, { user, password, cleanSession: true }),
      management: new ManagementHttp(this.#management),
      publish: async (device, topic, payload) => {
        await new Promise<void>(resolve => this.#backpressure.wait(resolve));
        await this.#publish(topic, payload, 0, false, deviceClientId(device));
      },
      waiting: request => this.emit("waiting", request),
      answered: request => this.emit("request", request),
    });
  }

  #openConnection(clientId: string): Connection | undefined {
    return [...this.#connections.values()].find(
      connection => connection.stage === "open" && connection.clientId === clientId,
    );
  }

  /** Resolves at the first event after which the condition holds, at once if it holds now. */
  #waitUntil(
    event: "connect" | "disconnect" | "subscribe" | "managed",
    clientId: string,
    holds: () => boolean,
    timeoutMs: number,
  ): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const check = () => {
        if (holds()) settle(resolve);
      };
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.off(event, check);
        this.#ended.signal.removeEventListener("abort", closed);
        act();
      };
      const fail = (when: string) => settle(() => reject(new Error(`no ${event} of ${clientId} ${when}`)));
      const closed = () => fail("before the platform closed");
      const timer = setTimeout(fail, timeoutMs, `within ${timeoutMs} ms`);
      this.on(event, check);
      this.#ended.signal.addEventListener("abort", closed);
    });
  }

  #holdsFilters(clientId: string): boolean {
    return [...this.#connections.values()].some(
      connection => connection.clientId === clientId && connection.filters.size > 0,
    );
  }

  #withConnection(client: Client, action: (connection: Connection) => void): void {
    const connection = this.#connections.get(client);
    if (connection) action(connection);
  }

  #refuseTls(socket: Socket): void {
    const detail = "TLS ClientHello: this platform does not use TLS; set tls to false in the client";
    socket.on("error", () => {}).destroy();
    this.emit("violation", { clientId: "", reason: CLOSE.badClientData, detail });
  }

  #acceptMqtt(socket: Socket): void {
    const connection = new Connection(this.#broker.handle(socket), socket);
    this.#connections.set(connection.client, connection);
    addPacketHooks(connection, {
      violation: (connection, code, detail) => this.#onViolation(connection, code, detail),
      unknownLevel: connection => {
        socket.write(Uint8Array.of(0x20, 2, 0, CONNACK.unknownLevel));
        this.#onRefused(connection, CONNACK.unknownLevel);
      },
    });
    // aedes listens to "readable", so this "data" listener gets each chunk just before aedes does.
    const meter = new FrameMeter(packetType => this.#onFrameTooLong(connection, packetType));
    socket.on("data", chunk => meter.read(chunk));
    // aedes reports the end of an open connection itself, after it has removed the subscriptions.
    socket.on("close", () => {
      if (connection.stage !== "open") this.#onClosed(connection);
    });
  }

  #authenticate(
    client: Client,
    user: string | undefined,
    password: Buffer | undefined,
    done: (error: AuthenticateError | null, accepted: boolean | null) => void,
  ): void {
    const connection = this.#connections.get(client);
    // Undefined if the connection closed after CONNECT arrived.
    if (!connection) return;
    const returnCode = this.#check(connection, user, password);
    if (returnCode === CONNACK.accepted) this.#takeover.claim(connection).then(() => done(null, true));
    else done(Object.assign(new Error(connackText(returnCode)), { returnCode }) as AuthenticateError, false);
  }

  #check(connection: Connection, user: string | undefined, password: Buffer | undefined): number {
    if (!connection.identity) return connection.refusal ?? CONNACK.badClientId;
    if (!this.available) return CONNACK.unavailable;
    return this.#registry.check(connection.identity, { user, password, cleanSession: connection.cleanSession });
  }

  // Runs before CONNACK is sent, so a client that has received CONNACK is listed. aedes does not report the end of a
  // connection that closed before this, so this does not report its beginning.
  #onConnected(connection: Connection): void {
    if (connection.client.closed) return;
    connection.stage = "open";
    this.#http.takeOver(connection.clientId);
    this.#management.connected(connection.clientId);
    this.emit("connect", { clientId: connection.clientId, cleanSession: connection.cleanSession });
    if (connection.identity?.kind === "device") this.#publishMonitor(connectMessage(connection.identity, connection));
  }

  #onRefused(connection: Connection, returnCode: number): void {
    connection.stage = "refused";
    this.emit("refused", { clientId: connection.clientId, returnCode });
    if (connection.identity?.kind === "device" && this.#registry.knowsOrg(connection.identity.org)) {
      this.#publishMonitor(failedConnectMessage(connection.identity, connection, returnCode));
    }
  }

  #onClosed(connection: Connection): void {
    this.#connections.delete(connection.client);
    connection.markClosed();
    if (connection.stage !== "open") return;
    const cause = connection.cause ?? { code: CLOSE.closedByClient, detail: closeText(CLOSE.closedByClient) };
    const { clientId, sawDisconnect } = connection;
    this.emit("disconnect", { clientId, clean: sawDisconnect, reason: cause.code, detail: cause.detail });
    if (connection.identity?.kind === "device")
      this.#publishMonitor(disconnectMessage(connection.identity, connection, cause));
  }

  #onViolation(connection: Connection, reason: number, detail: string): void {
    const shown = detail.slice(0, 200);
    if (connection.setCause(reason, shown))
      this.emit("violation", { clientId: connection.clientId, reason, detail: shown });
  }

  #onFrameTooLong(connection: Connection, packetType: number): void {
    const first = connection.stage === "new" ? CLOSE.firstPacketTooBig : CLOSE.badLength;
    this.#onViolation(connection, packetType === PUBLISH_TYPE ? CLOSE.messageTooLarge : first, "announced length");
    connection.client.close();
  }

  // aedes closes the connection after every error. This sets its cause: the network, a time-out, or an illegal packet.
  #onError(connection: Connection, error: Error & { code?: string }): void {
    if (connection.client.closed || connection.stage === "refused") return;
    if (error.code) connection.setCause(CLOSE.closedByClient, error.code);
    else if (error.message === "drain timeout") connection.setCause(CLOSE.closedByServer, error.message);
    else if (error.message.startsWith("connect did not arrive")) {
      this.#onViolation(connection, CLOSE.noFirstPacket, error.message);
    } else this.#onViolation(connection, CLOSE.badClientData, error.message);
  }

  #publishMonitor({ topic, payload, retain }: MonitorMessage): void {
    // Fails only while the broker closes; then no subscriber is left.
    this.#publish(topic, payload, 0, retain).catch(() => {});
  }

  #publish(topic: string, payload: string | Uint8Array, qos: QoS, retain: boolean, clientId?: string): Promise<void> {
    const packet = {
      ...(clientId === undefined ? {} : { clientId }),
      cmd: "publish" as const,
      topic,
      payload: Buffer.from(payload as Uint8Array),
      qos,
      retain,
      dup: false,
    };
    return new Promise((resolve, reject) => {
      this.#broker.publish(packet, error => (error ? reject(error) : resolve()));
    });
  }

  #onEvent(event: DeviceEvent): void {
    this.emit("event", event);
    this.#inbox.put(event);
  }

  #onCommand(command: CommandEvent): void {
    this.emit("command", command);
    this.#http.command(deviceClientId(command), command);
  }

  // A subscriber inside the broker receives every accepted message once, whether or not a client subscribed to it.
  #watchMessages(): void {
    const report = (packet: AedesPublishPacket, done: () => void) => {
      this.#report(packet);
      done();
    };
    for (const filter of ["iot-2/#", "iotdevice-1/#"]) this.#broker.subscribe(filter, report, () => {});
  }

  #report(packet: AedesPublishPacket): void {
    const routed = parseBrokerTopic(packet.topic);
    if (!routed) return;
    const { kind, name, ...topic } = routed;
    const { clientId = "", payload, qos } = packet as typeof packet & { clientId?: string; payload: Buffer };
    const message: PlatformMessage = { clientId, ...topic, payload, qos };
    if (kind === "event") this.#onEvent({ ...message, event: name });
    else if (kind === "command") this.#onCommand({ ...message, command: name });
    else this.#onManagement({ ...message, topic: name }, packet.dup === true);
  }

  #onManagement(message: ManagementEvent, dup: boolean): void {
    this.emit("management", message);
    this.#management.receive(deviceClientId(message), message.topic, utf8(message.payload), dup);
  }
}

function deviceIdentity(clientId: string): DeviceIdentity {
  const identity = parseClientId(clientId);
  if (typeof identity === "number" || identity.kind !== "device") throw new TypeError(`no device id: ${clientId}`);
  return identity;
}

function commandPayload(data: unknown, format: string): string | Uint8Array {
  if (data instanceof Uint8Array || (typeof data === "string" && format !== "json")) return data;
  const text = JSON.stringify(data);
  if (text === undefined) throw new TypeError("the data of a command must be bytes, text or have JSON");
  return text;
}
