// Which functions run with every event and command? The build finds out by running the library against a server that is
// played here, so that no list of names has to follow src/.

import { type NodePath, type PluginObj, template, transformAsync, type types } from "@babel/core";
import { transform } from "esbuild";

/** Names of functions: `name` of a function, `Class.name` of a method or getter, `Class.constructor`. */
export interface Profile {
  /** Functions that ran for messages like earlier ones. */
  hot: ReadonlySet<string>;
  /** Functions that ran at all: while clients were made, connected, and exchanged messages. */
  used: ReadonlySet<string>;
}

/** The part of the library that is called here. */
interface Client {
  commandCallback: () => void;
  messageCallback: () => void;
  connect(): void;
  publishEvent(event: string, format: string, data: unknown, qos: number, done?: () => void): boolean;
  publish(topic: string, payload: Uint8Array, qos: number, retain: boolean, done?: () => void): boolean;
  subscribe(subscriptions: readonly { topic: string; qos: number }[]): boolean;
}
type ClientClass = new (options: object) => Client;
type Publish = (text: string, qos: number, done?: () => void) => boolean;

/** Parameters of the function that is made of the library: what it finds in Espruino, and `engineCalled`. */
const GLOBALS = ["engineCalled", "engineRequire", "getTime", "setTimeout", "clearTimeout", "getSerial", "E"];
const COMMAND_TOPIC = "iot-2/cmd/print/fmt/json";
const OPTIONS = { host: "server", port: 1883, tls: false, limits: { transmitBytes: 256 } };
const IDENTITY = { org: "abc123", type: "thermo", id: "t-01", "auth-method": "token", "auth-token": "token" };
/** Many enough to fill the socket and the transmit buffer. */
const BURST = 100;
/** The first packet identifier belongs to SUBSCRIBE. */
const FIRST_MESSAGE_ID = 2;

/** @param library an ES module with the exports of targets/espruino/index.ts */
export async function profile(library: string): Promise<Profile> {
  const counted = await transformAsync(library, { configFile: false, babelrc: false, plugins: [countCalls] });
  const { code } = await transform(counted!.code!, { format: "iife", globalName: "library" });
  const used = new Set<string>();
  const hot = new Set<string>();
  let repeated = false;
  const called = (name: string) => {
    used.add(name);
    if (repeated) hot.add(name);
  };
  const server = new Server();
  const bytes = {
    toString: (array: Uint8Array) => String.fromCharCode(...array),
    toUint8Array: (text: string) => Uint8Array.from(text, one => one.charCodeAt(0)),
  };
  const load = new Function(...GLOBALS, `${code}; return library;`);
  const { DeviceClient, MqttClient } = load(
    called,
    () => server,
    () => 0,
    () => 1,
    () => {},
    () => "serial",
    bytes,
  ) as Record<string, ClientClass>;
  const clients = [startDevice(server, DeviceClient!), startMqtt(server, MqttClient!)];
  for (const { socket, publish } of clients) exchange(socket, publish, FIRST_MESSAGE_ID);
  repeated = true;
  for (const { socket, publish, nextId } of clients) exchange(socket, publish, nextId());
  return { hot, used };
}

/** Reports each call of a method or of a function at the top. */
function countCalls(): PluginObj {
  const statement = template.statement("engineCalled(NAME);", { placeholderPattern: /^NAME$/ });
  const count = (node: types.Function, name: string) => {
    (node.body as types.BlockStatement).body.unshift(
      statement({ NAME: { type: "StringLiteral", value: name } as types.StringLiteral }),
    );
  };
  return {
    visitor: {
      FunctionDeclaration({ node, parentPath }) {
        if (parentPath.isProgram() || parentPath.isExportDeclaration()) count(node, node.id!.name);
      },
      ClassMethod(path) {
        const name = methodName(path);
        if (name) count(path.node, name);
      },
    },
  };
}

/** `Class.method`, as in {@link Profile}; "" for what has no such name. */
export function methodName({ node, parentPath }: NodePath<types.ClassMethod>): string {
  const owner = parentPath!.parentPath! as NodePath<types.Class>;
  return node.key.type === "Identifier" ? `${className(owner)}.${node.key.name}` : "";
}

/** The name a class is known by at the top: that of the variable, if it is in one. */
export function className({ node, parent }: NodePath<types.Class>): string {
  if (parent.type === "VariableDeclarator" && parent.id.type === "Identifier") return parent.id.name;
  return node.id?.name ?? "";
}

/** Espruino's module `net` with a server behind it. */
class Server {
  private opened!: FakeSocket;

  connect(_: object, connected: () => void): FakeSocket {
    this.opened = new FakeSocket(connected);
    return this.opened;
  }

  /** The socket that a client has just opened, after CONNACK. */
  accept(): FakeSocket {
    this.opened.connected();
    this.opened.emit("data", "\x20\x02\x00\x00");
    return this.opened;
  }
}

class FakeSocket {
  readonly connected: () => void;
  private readonly listeners: Record<string, (argument?: unknown) => void> = {};

  constructor(connected: () => void) {
    this.connected = connected;
  }

  on(event: string, listener: (argument?: unknown) => void): void {
    this.listeners[event] = listener;
  }

  emit(event: string, argument?: unknown): void {
    this.listeners[event]!(argument);
  }

  /** A packet that has a packet identifier and nothing else. */
  acknowledge(firstByte: number, id: number): void {
    this.emit("data", `${String.fromCharCode(firstByte, 2)}${uint16(id)}`);
  }

  write(): boolean {
    return false;
  }

  end(): void {}
}

function uint16(value: number): string {
  return String.fromCharCode(value >> 8, value & 255);
}

interface Connected {
  socket: FakeSocket;
  publish: Publish;
  /** Packet identifier of the next message. */
  nextId(): number;
}

function startDevice(server: Server, DeviceClient: ClientClass): Connected {
  const client = new DeviceClient({ ...OPTIONS, ...IDENTITY });
  client.commandCallback = () => {};
  client.connect();
  return connected(server, (text, qos, done) => client.publishEvent("status", "json", { text }, qos, done));
}

function startMqtt(server: Server, MqttClient: ClientClass): Connected {
  const { host, port, limits } = OPTIONS;
  const client = new MqttClient({ endpoint: { host, port }, clientId: "id", limits });
  client.messageCallback = () => {};
  client.subscribe([{ topic: COMMAND_TOPIC, qos: 1 }]);
  client.connect();
  return connected(server, (text, qos, done) => client.publish("topic", Buffer.from(text), qos, false, done));
}

function connected(server: Server, publish: Publish): Connected {
  const socket = server.accept();
  socket.emit("data", `\x90\x03${uint16(1)}\x01`); // SUBACK
  let messages = 0;
  return {
    socket,
    publish: (text, qos, done) => {
      const accepted = publish(text, qos, done);
      if (accepted && qos > 0) messages++;
      return accepted;
    },
    nextId: () => FIRST_MESSAGE_ID + messages,
  };
}

/** Messages in both directions at QoS 0, 1 and 2, and more events than the socket takes. */
function exchange(socket: FakeSocket, publish: Publish, firstId: number): void {
  let id = firstId;
  publish("QoS 0", 0, () => publish("from a callback", 0, () => {}));
  publish("QoS 1", 1, () => {});
  socket.acknowledge(0x40, id++);
  publish("QoS 2", 2, () => {});
  socket.acknowledge(0x50, id);
  socket.acknowledge(0x70, id++);
  for (const qos of [0, 1, 2]) {
    const head = `${uint16(COMMAND_TOPIC.length)}${COMMAND_TOPIC}${qos > 0 ? uint16(7) : ""}`;
    const body = `${head}"hello"`;
    const packet = `${String.fromCharCode(0x30 | (qos << 1), body.length)}${body}`;
    socket.emit("data", packet.slice(0, 10));
    socket.emit("data", packet.slice(10));
    if (qos === 2) socket.acknowledge(0x62, 7);
  }
  for (let i = 0; i < BURST; i++) publish("x".repeat(40), 0);
  for (let i = 0; i < BURST; i++) socket.emit("drain");
}
