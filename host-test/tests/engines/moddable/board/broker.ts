// A server behind the radio, and the board's way to it: a stand-in of `embedded:io/socket/tcp` as the SDK has it on lwIP.
// Its callbacks come later, never from inside a call, with `this` the socket and its `target` in it; a link that is gone
// is silent, only what is begun without one fails.

import { text } from "../../../../harness/testing/bytes.ts";
import { connack, pingresp, puback, publish, suback } from "../../../../harness/testing/frames.ts";
import { PacketStream, type SentPacket } from "../../../../harness/testing/packets.ts";
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
  command(name: string, payload: string): void {
    const frame = publish(`iot-2/cmd/${name}/fmt/json`, payload);
    for (const socket of broker.sockets) socket.says(frame);
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
  private readonly stream = new PacketStream();

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
    const copy = bytes.slice();
    world.after(WAY_MS, () => online() && surroundings.uplink && this.takes(copy));
    world.after(WAY_MS, () => this.options?.onWritable.call(this, WRITABLE));
    return WRITABLE - bytes.length;
  }

  close(): void {
    this.options = undefined;
    broker.sockets = broker.sockets.filter(other => other !== this);
  }

  /** The server sends. */
  says(bytes: Uint8Array): void {
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

  private takes(bytes: Uint8Array): void {
    for (const packet of this.stream.read(bytes)) this.answers(packet);
  }

  // CONNECT, PUBLISH at QoS 0 and 1, SUBSCRIBE, PINGREQ.
  private answers({ cmd, messageId, qos, topic, payload }: SentPacket): void {
    if (cmd === "connect") {
      broker.connects.push(Math.floor(world.now / 1000));
      this.says(connack(broker.returnCode));
      if (broker.returnCode) this.ends();
    } else if (cmd === "publish") {
      broker.events.push(`${topic} ${text(payload!)}`);
      if (qos) this.says(puback(messageId!));
    } else if (cmd === "subscribe") this.says(suback(messageId!, 1));
    else if (cmd === "pingreq") this.says(pingresp());
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
