// One real socket of Node (TCP, or TLS when the endpoint says so), with back-pressure in both directions.
//
// In: an endpoint, bytes to write, close. Out: the four events of a transport, never from inside a call. Limits: at most
// 64 KiB wait for the network; at most 256 KiB (and a thousand pieces) of what came wait for their taker, then the
// socket is paused, so the sender is slowed down instead of this process growing.

import net from "node:net";
import tls from "node:tls";
import type { Endpoint } from "../../src/ports.ts";
import { describe, tlsSettings } from "../node/tls.ts";

const WRITE_ROOM = 64 * 1024;
const READ_HIGH = 256 * 1024;
const READ_LOW = READ_HIGH / 2;
/** What a waiting piece counts for besides its bytes: many tiny ones cost more than their bytes say. */
const PIECE_COST = 256;
/** How long a closed connection may take to send the rest and to hear from the peer. */
const LINGER_MS = 2000;

export interface SocketEvents {
  opened(room: number): void;
  /** `taken` must be called when the bytes have been handled. */
  received(bytes: Buffer, taken: () => void): void;
  writable(room: number): void;
  /** Once, and last. No reason: the peer closed in order. The reasons read as those of the ports for Node. */
  closed(reason: string | undefined): void;
}

export class LentSocket {
  /** Resolves when nothing of the socket is left in this process. */
  readonly gone: Promise<void>;
  private readonly socket: net.Socket;
  private readonly events: SocketEvents;
  private waiting = 0;
  private isOpen = false;
  private isOver = false;
  private owesRoom = false;

  constructor(endpoint: Endpoint, events: SocketEvents) {
    this.events = events;
    this.socket = connect(endpoint);
    this.socket.setNoDelay(true);
    this.socket.on(endpoint.tls ? "secureConnect" : "connect", () => {
      this.isOpen = true;
      if (!this.isOver) events.opened(WRITE_ROOM);
    });
    this.socket.on("data", chunk => this.received(chunk));
    this.socket.on("end", () => this.over());
    this.socket.on("error", error => this.over(describe(error)));
    this.gone = new Promise(resolve => {
      this.socket.on("close", () => {
        this.over();
        resolve();
      });
    });
  }

  /** Returns the room left. */
  write(bytes: Uint8Array): number {
    if (this.isOver) return 0;
    this.socket.write(bytes, this.wrote);
    const room = Math.max(0, WRITE_ROOM - this.socket.writableLength);
    this.owesRoom = room < WRITE_ROOM;
    return room;
  }

  /** Sends what was written, then ends the stream; no event comes any more. */
  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.isOpen) this.linger();
    else this.socket.destroy();
  }

  /** Ends at once, without a word to the peer; but a stream that is ending in order is left to do so. */
  drop(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.socket.destroy();
  }

  private readonly wrote = (error?: Error | null): void => {
    // Told when all is out, not with every piece: one command to XS then makes the whole room usable again.
    if (error || this.isOver || !this.owesRoom || this.socket.writableLength > 0) return;
    this.owesRoom = false;
    this.events.writable(WRITE_ROOM);
  };

  private received(chunk: Buffer): void {
    if (this.isOver) return;
    const cost = chunk.length + PIECE_COST;
    this.waiting += cost;
    if (this.waiting > READ_HIGH) this.socket.pause();
    this.events.received(chunk, () => {
      this.waiting -= cost;
      if (this.waiting < READ_LOW && this.socket.isPaused()) this.socket.resume();
    });
  }

  private over(reason?: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.linger();
    this.events.closed(reason);
  }

  private linger(): void {
    // Reading on is needed to see the peer's end; what still comes is dropped.
    this.socket.resume();
    this.socket.end();
    const limit = setTimeout(() => this.socket.destroy(), LINGER_MS);
    this.socket.once("close", () => clearTimeout(limit));
  }
}

function connect(endpoint: Endpoint): net.Socket {
  const { host, port } = endpoint;
  if (typeof host !== "string" || host === "") throw new TypeError("host must be a name or an address");
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new RangeError(`port must be 1 to 65535, not ${port}`);
  return endpoint.tls ? tls.connect({ host, port, ...tlsSettings(endpoint) }) : net.connect({ host, port });
}
