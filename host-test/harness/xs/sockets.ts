// One socket of Node for a program in XS: TCP, or TLS if the endpoint has it, with back-pressure in both directions.
//
// In: an endpoint, bytes to write, close. Out: the four events of a transport, never from inside a call. Limits: 64 KiB
// wait for the network. Above 256 KiB, or a thousand chunks, of received bytes that the program has not read, the socket
// is paused, which slows down the sender.

import net from "node:net";
import tls from "node:tls";
import type { Endpoint } from "../../../src/ports.ts";
import { describe, tlsSettings } from "../../../targets/node/tls.ts";

const WRITE_ROOM = 64 * 1024;
const READ_HIGH = 256 * 1024;
const READ_LOW = READ_HIGH / 2;
/** Bytes that each waiting chunk counts besides its own, because many tiny chunks need more memory than their bytes. */
const PIECE_COST = 256;
/** Time-out for a closed connection to send the rest and to receive the end of the stream. */
const LINGER_MS = 2000;

export interface SocketEvents {
  opened(room: number): void;
  /** Call `taken` after the bytes are handled. */
  received(bytes: Buffer, taken: () => void): void;
  writable(room: number): void;
  /** The last event. Without a reason: the peer ended the stream. Reasons are those of the ports for Node. */
  closed(reason: string | undefined): void;
}

export class HostSocket {
  /** Resolves when the socket is closed. */
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

  /** Returns the number of bytes that may still be written. */
  write(bytes: Uint8Array): number {
    if (this.isOver) return 0;
    this.socket.write(bytes, this.wrote);
    const room = Math.max(0, WRITE_ROOM - this.socket.writableLength);
    this.owesRoom = room < WRITE_ROOM;
    return room;
  }

  /** Sends the written bytes, then ends the stream. No event follows. */
  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.isOpen) this.linger();
    else this.socket.destroy();
  }

  /** Destroys the socket, unless close() is sending the rest. */
  drop(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.socket.destroy();
  }

  private readonly wrote = (error?: Error | null): void => {
    // Reported when all bytes are sent, not per chunk: one command to XS frees the whole room.
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
    // Reads on to receive the end of the stream, and drops the bytes.
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
