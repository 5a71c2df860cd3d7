// A server behind the radio, and the board's way to it: a stand-in of `embedded:io/socket/tcp` as the SDK has it on lwIP.
// Its callbacks come later, never from inside a call, with `this` the socket and its `target` in it; a link that is gone
// is silent, only what is begun without one fails.

import { online, surroundings } from "./radio.ts";
import { world } from "./world.ts";

const WAY_MS = 20;
/** lwIP gives a connection up that nobody answers. */
const CONNECT_FAILURE_MS = 18_000;
const WRITABLE = 5744;

export const broker = {
  /** Nothing listens when false: connections are refused. */
  listens: true,
  /** The code of CONNACK. */
  returnCode: 0,
  sockets: [] as TCP[],
  /** What was published, as "topic payload". */
  events: [] as string[],
  connects: [] as number[],

  /** To every client that is connected. */
  command(name: string, text: string): void {
    const body = [...field(`iot-2/cmd/${name}/fmt/json`), ...bytesOf(text)];
    for (const socket of broker.sockets) socket.says([0x30, ...varint(body.length), ...body]);
  },
};

interface TcpOptions {
  address: string;
  port: number;
  target?: unknown;
  onReadable(this: TCP, count: number): void;
  onWritable(this: TCP, count: number): void;
  onError(this: TCP): void;
}

export class TCP {
  target: unknown;
  private options: TcpOptions | undefined;
  private ready = false;
  private inbox: number[] = [];
  private sent: number[] = [];

  constructor(options: TcpOptions) {
    if (!/^\d+\.\d+\.\d+\.\d+$/.test(options.address)) throw new Error("invalid address");
    if (!(options.port >= 0 && options.port <= 65535)) throw new RangeError("invalid port");
    this.options = options;
    this.target = options.target;
    const there = online() && surroundings.uplink;
    world.after(there ? WAY_MS : CONNECT_FAILURE_MS, () => {
      if (!there || !broker.listens) return this.options?.onError.call(this);
      this.ready = true;
      broker.sockets.push(this);
      this.options?.onWritable.call(this, WRITABLE);
    });
  }

  read(buffer: Uint8Array): number {
    if (buffer.length > this.inbox.length) throw new Error("invalid");
    buffer.set(this.inbox.splice(0, buffer.length));
    return buffer.length;
  }

  write(bytes: Uint8Array): number {
    if (!this.options) throw new Error("closed");
    if (!this.ready) throw new Error("not ready");
    const copy = [...bytes];
    world.after(WAY_MS, () => online() && surroundings.uplink && this.takes(copy));
    world.after(WAY_MS, () => this.options?.onWritable.call(this, WRITABLE));
    return WRITABLE - bytes.length;
  }

  close(): void {
    this.options = undefined;
    broker.sockets = broker.sockets.filter(other => other !== this);
  }

  /** The server sends. */
  says(bytes: number[]): void {
    world.after(WAY_MS, () => {
      if (!this.options || !online()) return;
      this.inbox.push(...bytes);
      this.options.onReadable.call(this, this.inbox.length);
    });
  }

  /** The server closes. */
  ends(): void {
    world.after(WAY_MS, () => this.options?.onError.call(this));
  }

  private takes(bytes: number[]): void {
    this.sent.push(...bytes);
    for (let frame = wholeFrame(this.sent); frame; frame = wholeFrame(this.sent)) {
      this.sent.splice(0, frame.length);
      this.answers(frame.first, frame.body);
    }
  }

  // MQTT 3.1.1: CONNECT, PUBLISH at QoS 0 and 1, SUBSCRIBE, PINGREQ.
  private answers(first: number, body: number[]): void {
    const type = first >> 4;
    if (type === 1) {
      broker.connects.push(Math.floor(world.now / 1000));
      this.says([0x20, 2, 0, broker.returnCode]);
      if (broker.returnCode) this.ends();
    } else if (type === 3) {
      const length = body[0]! * 256 + body[1]!;
      const qos = (first >> 1) & 3;
      const start = 2 + length;
      broker.events.push(`${textOf(body.slice(2, start))} ${textOf(body.slice(start + (qos ? 2 : 0)))}`);
      if (qos) this.says([0x40, 2, body[start]!, body[start + 1]!]);
    } else if (type === 8) this.says([0x90, 3, body[0]!, body[1]!, 1]);
    else if (type === 12) this.says([0xd0, 0]);
  }
}

/** Stands where TLS is: the SDK's own gives what it gets to the socket class in `TCP`, sealed; this one as it is. */
export class TLS {
  private readonly socket: TCP;

  constructor(options: TcpOptions & { TCP: { io: new (options: TcpOptions) => TCP } }) {
    const { onReadable, onWritable, onError } = options;
    this.socket = new options.TCP.io({
      ...options,
      onReadable: count => onReadable.call(this as unknown as TCP, count),
      onWritable: count => onWritable.call(this as unknown as TCP, count),
      onError: () => onError.call(this as unknown as TCP),
    });
  }

  read(buffer: Uint8Array): number {
    return this.socket.read(buffer);
  }

  write(bytes: Uint8Array): number {
    return this.socket.write(bytes);
  }

  close(): void {
    this.socket.close();
  }
}

function wholeFrame(bytes: number[]): { first: number; body: number[]; length: number } | undefined {
  let rest = 0;
  for (let at = 1; at < bytes.length; at++) {
    rest += (bytes[at]! & 127) << (7 * (at - 1));
    if (bytes[at]! & 128) continue;
    const length = at + 1 + rest;
    return bytes.length < length ? undefined : { first: bytes[0]!, body: bytes.slice(at + 1, length), length };
  }
  return undefined;
}

function varint(length: number): number[] {
  return length < 128 ? [length] : [(length % 128) + 128, Math.floor(length / 128)];
}

function field(text: string): number[] {
  const bytes = bytesOf(text);
  return [bytes.length >> 8, bytes.length & 255, ...bytes];
}

export function bytesOf(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

function textOf(bytes: number[]): string {
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
