// A WIoTP on this machine: who may connect, what goes where, and when a connection ends. The MQTT itself is aedes.
//
//     const platform = await startPlatform({ devices: [{ org: "abc123", type: "thermo", id: "t-01", token: "…" }] });
//     const { data } = await platform.awaitEvent({ event: "status" });
//     await platform.close();

import { EventEmitter, once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Aedes, type AedesPublishPacket, type AuthenticateError, type Client } from "aedes";
import { REFUSED, translateOutward, watchInbound } from "./border.ts";
import type { CommandEvent, DeviceEvent, PlatformEvents, PlatformMessage, QoS, SessionInfo } from "./events.ts";
import { FirstByte } from "./first-byte.ts";
import { FrameMeter, PUBLISH_TYPE } from "./frames.ts";
import { HttpDoor } from "./http.ts";
import { type DeviceIdentity, deviceClientId, isLevel, parseClientId } from "./identity.ts";
import { clientIdOf, type DeviceRef, type EventFilter, EventInbox, type ReceivedEvent } from "./inbox.ts";
import { inspectSession } from "./inspect.ts";
import { Link } from "./link.ts";
import { logTo } from "./log.ts";
import { connectMessage, disconnectMessage, failedConnectMessage, type MonitorMessage } from "./monitor.ts";
import { Owners } from "./owners.ts";
import { CLOSE, CONNACK, closeText, connackText } from "./reasons.ts";
import { type ApplicationEntry, type DeviceEntry, QUICKSTART, Registry } from "./registry.ts";
import { mendStore } from "./sessions.ts";
import { deviceTopic, parseBrokerTopic } from "./topics.ts";

export type * from "./events.ts";
export type { DeviceRef, EventFilter, ReceivedEvent } from "./inbox.ts";
export type { ApplicationEntry, DeviceEntry } from "./registry.ts";

export interface PlatformOptions {
  /** Default 0: the system chooses a free one. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly devices?: readonly DeviceEntry[];
  /** An organization without registered applications lets every application in. */
  readonly applications?: readonly ApplicationEntry[];
  /** Organizations to know besides those of the devices and applications. */
  readonly orgs?: readonly string[];
  /** Accept any device of a known organization with any token. Default false. */
  readonly open?: boolean;
  /** Let `d:quickstart:<type>:<id>` in. Default true. */
  readonly quickstart?: boolean;
  /** Gets one readable line for everything that happens. */
  readonly log?: (line: string) => void;
}

export interface CommandOptions {
  /** One topic level, default "json". */
  readonly format?: string;
  /** Default 1. */
  readonly qos?: QoS;
}

/** How long the waits of {@link Platform} last when they are not told, milliseconds. */
const PATIENCE_MS = 5000;

/** MQTT 3.1 ids may be longer than its 23 characters here (§1.2). */
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

/** Made by {@link startPlatform}; tells what happens on it by the events of {@link PlatformEvents}. */
export class Platform extends EventEmitter<PlatformEvents> {
  /** False: every well-formed CONNECT gets code 3. Open connections are not touched. */
  available = true;
  readonly #registry = new Registry();
  readonly #links = new Map<Client, Link>();
  readonly #owners = new Owners();
  readonly #inbox = new EventInbox();
  /** Aborted when nothing can come any more. */
  readonly #ended = new AbortController();
  readonly #broker: Aedes;
  readonly #server: Server;
  readonly #http: HttpDoor;
  readonly #firstByte: FirstByte;
  #url = "";
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(options: PlatformOptions) {
    super();
    this.#register(options);
    if (options.log) logTo(this, options.log);
    this.#broker = this.#createBroker();
    // Packets are small and answered at once; waiting to fill a segment would cost 40 ms per exchange.
    this.#server = createServer({ noDelay: true }, socket => this.#firstByte.look(socket));
    this.#http = this.#createHttpDoor();
    this.#firstByte = new FirstByte(
      socket => this.#meet(socket),
      socket => this.#http.accept(socket),
    );
  }

  /** @internal */
  async listen(port: number, host: string): Promise<void> {
    await this.#broker.listen();
    mendStore(this.#broker, clientId => this.#holdsFilters(clientId));
    this.#watchMessages();
    this.#server.listen(port, host);
    try {
      await once(this.#server, "listening");
    } catch (error) {
      this.#broker.close();
      throw error;
    }
    this.#url = `mqtt://${host.includes(":") ? `[${host}]` : host}:${this.port}`;
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
    return [...this.#links.values()].filter(link => link.stage === "open").map(link => link.clientId);
  }

  connected(client: DeviceRef): boolean {
    return this.#openLink(clientIdOf(client)) !== undefined;
  }

  /**
   * Lets a device in from now on; known already, it gets this token.
   * @throws TypeError saying which part is not legal (§1.2), never with the token
   */
  addDevice(device: DeviceEntry): void {
    this.#registry.addDevice(device);
  }

  /** The same for an application; see {@link PlatformOptions.applications}. */
  addApplication(application: ApplicationEntry): void {
    this.#registry.addApplication(application);
  }

  /**
   * The first event of a device that fits and that no call has been given before, also one that came before this call.
   * Events wait for that until 1000 of them or 4 MiB are kept; then the oldest go.
   * @param timeoutMs how long to wait for one; default 5000
   * @throws Error naming what was awaited and what came instead, after that time and when the platform closes
   */
  awaitEvent(filter: EventFilter = {}, timeoutMs: number = PATIENCE_MS): Promise<ReceivedEvent> {
    return this.#inbox.next(filter, timeoutMs);
  }

  /** Resolves when the device is connected, at once if it is. @throws Error after `timeoutMs`, default 5000 */
  async awaitConnected(device: DeviceRef, timeoutMs: number = PATIENCE_MS): Promise<void> {
    const clientId = clientIdOf(device);
    await this.#until("connect", clientId, () => this.connected(clientId), timeoutMs);
  }

  /**
   * Resolves when the device is connected and subscribed to commands, at once if it is: one that is sent before is lost to
   * a device without a durable session. @throws Error after `timeoutMs`, default 5000
   */
  async awaitSubscribed(device: DeviceRef, timeoutMs: number = PATIENCE_MS): Promise<void> {
    const clientId = clientIdOf(device);
    const listens = () => [...(this.#openLink(clientId)?.filters.keys() ?? [])].some(filter => /\/cmd\//.test(filter));
    await this.#until("subscribe", clientId, listens, timeoutMs);
  }

  /** Resolves when the device is not connected, at once if it is not. @throws Error after `timeoutMs`, default 5000 */
  async awaitDisconnected(device: DeviceRef, timeoutMs: number = PATIENCE_MS): Promise<void> {
    const clientId = clientIdOf(device);
    await this.#until("disconnect", clientId, () => !this.connected(clientId), timeoutMs);
  }

  /** Closes a connection as an administrator would; resolves when it is gone, with false if there was none. */
  async disconnectDevice(device: DeviceRef): Promise<boolean> {
    const link = this.#openLink(clientIdOf(device));
    link?.end(CLOSE.administrator, "disconnectDevice");
    await link?.gone;
    return link !== undefined;
  }

  /**
   * Sends a command as an application would (§3). A device that is not connected gets it later if it has a durable
   * session and subscribed at QoS 1 or 2.
   * @param data bytes and text go as they are, text only where the format is not json; all else as its JSON
   * @throws TypeError for a device, command or format that is not legal, or data without JSON
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

  /** Publishes to one device, connected or not; `topic` as the device sees it, for instance `iotdm-1/observe`. */
  async sendToDevice(device: DeviceRef, topic: string, payload: string | Uint8Array, qos: QoS = 0): Promise<void> {
    const clientId = clientIdOf(device);
    const identity = parseClientId(clientId);
    if (typeof identity === "number" || identity.kind !== "device") throw new TypeError(`no device id: ${clientId}`);
    await this.#publish(deviceTopic(identity, topic), payload, qos, false);
  }

  /** What is held for this client; undefined when it is not connected and has no durable session. */
  session(client: DeviceRef): Promise<SessionInfo | undefined> {
    const clientId = clientIdOf(client);
    return inspectSession(this.#broker, clientId, this.#openLink(clientId));
  }

  /** Closes the server and every connection; nothing stays open after it. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    const serverClosed = new Promise(resolve => this.#server.close(resolve));
    this.#firstByte.close();
    this.#http.close();
    const links = [...this.#links.values()];
    for (const link of links) link.end(CLOSE.shuttingDown, "platform closes");
    await Promise.all(links.map(link => link.gone));
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
      authenticate: (client, user, password, done) => this.#authenticate(client, user, password, done),
      authorizePublish: (_client, packet, done) => done(packet.topic === REFUSED ? new Error(REFUSED) : null),
      authorizeSubscribe: (client, subscription, done) => {
        if (subscription.topic === REFUSED) return done(new Error(REFUSED));
        // Asked for new subscriptions and for those of a resumed session alike.
        this.#links.get(client)?.filters.set(subscription.topic, subscription.qos);
        done(null, subscription);
      },
      authorizeForward: (client, packet) => {
        const link = this.#links.get(client);
        return link ? translateOutward(link, packet) : packet;
      },
    });
    broker.on("client", client => this.#withLink(client, link => this.#enter(link)));
    broker.on("connackSent", ({ returnCode }, client) => {
      if (returnCode) this.#withLink(client, link => this.#refused(link, returnCode));
    });
    broker.on("subscribe", (_, client) => {
      if (client) this.#withLink(client, ({ clientId }) => this.emit("subscribe", { clientId }));
    });
    broker.on("clientDisconnect", client => this.#withLink(client, link => this.#leave(link)));
    broker.on("keepaliveTimeout", client => this.#withLink(client, link => link.blame(CLOSE.timedOut, "keep-alive")));
    broker.on("clientError", (client, error) => this.#withLink(client, link => this.#explain(link, error)));
    broker.on("connectionError", (client, error) => this.#withLink(client, link => this.#explain(link, error)));
    return broker;
  }

  #createHttpDoor(): HttpDoor {
    const available = () => this.available;
    return new HttpDoor({
      get available() {
        return available();
      },
      identify: (named, device, { user, password }) => {
        const credentials = { user, password, cleanSession: true };
        const org = named ?? this.#registry.orgOf(device, credentials);
        if (org === undefined) return undefined;
        const identity: DeviceIdentity = { kind: "device", org, ...device };
        return this.#registry.judge(identity, credentials) === CONNACK.accepted ? identity : undefined;
      },
      publish: (device, topic, payload) => this.#publish(topic, payload, 0, false, deviceClientId(device)),
      waiting: request => this.emit("waiting", request),
      answered: request => this.emit("request", request),
    });
  }

  #openLink(clientId: string): Link | undefined {
    return [...this.#links.values()].find(link => link.stage === "open" && link.clientId === clientId);
  }

  /** Resolves at the first happening of this kind after which it is so; at once if it is already. */
  #until(
    happening: "connect" | "disconnect" | "subscribe",
    clientId: string,
    isSo: () => boolean,
    timeoutMs: number,
  ): Promise<void> {
    if (isSo()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const look = () => {
        if (isSo()) settle(resolve);
      };
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.off(happening, look);
        this.#ended.signal.removeEventListener("abort", closed);
        act();
      };
      const fail = (when: string) => settle(() => reject(new Error(`no ${happening} of ${clientId} ${when}`)));
      const closed = () => fail("before the platform closed");
      const timer = setTimeout(fail, timeoutMs, `within ${timeoutMs} ms`);
      this.on(happening, look);
      this.#ended.signal.addEventListener("abort", closed);
    });
  }

  #holdsFilters(clientId: string): boolean {
    return [...this.#links.values()].some(link => link.clientId === clientId && link.filters.size > 0);
  }

  #withLink(client: Client, action: (link: Link) => void): void {
    const link = this.#links.get(client);
    if (link) action(link);
  }

  #meet(socket: Socket): void {
    const link = new Link(this.#broker.handle(socket), socket);
    this.#links.set(link.client, link);
    watchInbound(link, {
      violation: (link, code, detail) => this.#violation(link, code, detail),
      unknownLevel: link => {
        socket.write(Uint8Array.of(0x20, 2, 0, CONNACK.unknownLevel));
        this.#refused(link, CONNACK.unknownLevel);
      },
    });
    // Since aedes already listens to "readable", this "data" listener sees what aedes reads, just before it gets it.
    const meter = new FrameMeter(packetType => this.#tooLong(link, packetType));
    socket.on("data", chunk => meter.read(chunk));
    // aedes reports the end of an open connection itself, after its subscriptions are gone.
    socket.on("close", () => {
      if (link.stage !== "open") this.#leave(link);
    });
  }

  #authenticate(
    client: Client,
    user: string | undefined,
    password: Buffer | undefined,
    done: (error: AuthenticateError | null, accepted: boolean | null) => void,
  ): void {
    const link = this.#links.get(client);
    // The connection may have closed between CONNECT and here.
    if (!link) return;
    const returnCode = this.#judge(link, user, password);
    if (returnCode === CONNACK.accepted) this.#owners.claim(link).then(() => done(null, true));
    else done(Object.assign(new Error(connackText(returnCode)), { returnCode }) as AuthenticateError, false);
  }

  #judge(link: Link, user: string | undefined, password: Buffer | undefined): number {
    if (!link.identity) return link.refusal ?? CONNACK.badClientId;
    if (!this.available) return CONNACK.unavailable;
    return this.#registry.judge(link.identity, { user, password, cleanSession: link.cleanSession });
  }

  // Called before CONNACK leaves, so whoever has seen CONNACK finds itself listed. A connection that closed on the way
  // here is never reported as gone by aedes; it has not been here.
  #enter(link: Link): void {
    if (link.client.closed) return;
    link.stage = "open";
    this.#http.takeOver(link.clientId);
    this.emit("connect", { clientId: link.clientId, cleanSession: link.cleanSession });
    if (link.identity?.kind === "device") this.#announce(connectMessage(link.identity, link));
  }

  #refused(link: Link, returnCode: number): void {
    link.stage = "refused";
    this.emit("refused", { clientId: link.clientId, returnCode });
    if (link.identity?.kind === "device" && this.#registry.knowsOrg(link.identity.org)) {
      this.#announce(failedConnectMessage(link.identity, link, returnCode));
    }
  }

  #leave(link: Link): void {
    this.#links.delete(link.client);
    link.markGone();
    if (link.stage !== "open") return;
    const cause = link.cause ?? { code: CLOSE.closedByClient, detail: closeText(CLOSE.closedByClient) };
    const { clientId, sawDisconnect } = link;
    this.emit("disconnect", { clientId, clean: sawDisconnect, reason: cause.code, detail: cause.detail });
    if (link.identity?.kind === "device") this.#announce(disconnectMessage(link.identity, link, cause));
  }

  #violation(link: Link, reason: number, detail: string): void {
    const shown = detail.slice(0, 200);
    if (link.blame(reason, shown)) this.emit("violation", { clientId: link.clientId, reason, detail: shown });
  }

  #tooLong(link: Link, packetType: number): void {
    const first = link.stage === "new" ? CLOSE.firstPacketTooBig : CLOSE.badLength;
    this.#violation(link, packetType === PUBLISH_TYPE ? CLOSE.messageTooLarge : first, "announced length");
    link.client.close();
  }

  // aedes closes after every error it meets. What is not explained yet is either the network or nonsense.
  #explain(link: Link, error: Error & { code?: string }): void {
    if (link.client.closed || link.stage === "refused") return;
    if (error.code) link.blame(CLOSE.closedByClient, error.code);
    else if (error.message === "drain timeout") link.blame(CLOSE.closedByServer, error.message);
    else if (error.message.startsWith("connect did not arrive")) {
      this.#violation(link, CLOSE.noFirstPacket, error.message);
    } else this.#violation(link, CLOSE.badClientData, error.message);
  }

  #announce({ topic, payload, retain }: MonitorMessage): void {
    // The only failure is a broker that is closing, when nobody is left to read it.
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

  #event(event: DeviceEvent): void {
    this.emit("event", event);
    this.#inbox.put(event);
  }

  #command(command: CommandEvent): void {
    this.emit("command", command);
    this.#http.command(deviceClientId(command), command);
  }

  // A subscriber inside the broker sees every message once, when it is accepted, and not only when it is delivered.
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
    const { kind, org, type, id, name, format } = routed;
    const clientId = (packet as { clientId?: string }).clientId ?? "";
    const message: PlatformMessage = {
      clientId,
      org,
      type,
      id,
      format,
      payload: packet.payload as Buffer,
      qos: packet.qos,
    };
    if (kind === "event") this.#event({ ...message, event: name });
    else if (kind === "command") this.#command({ ...message, command: name });
    else this.emit("management", { ...message, topic: name });
  }
}

function commandPayload(data: unknown, format: string): string | Uint8Array {
  if (data instanceof Uint8Array || (typeof data === "string" && format !== "json")) return data;
  const text = JSON.stringify(data);
  if (text === undefined) throw new TypeError("the data of a command must be bytes, text or have JSON");
  return text;
}
