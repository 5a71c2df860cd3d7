// HttpPorts on Ports: one POST over one connection of its own. The SDK's own HTTP client was not taken: what a server sends out of order it throws into
// the event loop, which restarts the device.

import type { HttpAnswer, HttpPorts, HttpRequest } from "../../src/device/http.ts";
import { type Clock, ConfigurationException, type Ports, type Timer, type Transport } from "../../src/index.ts";
import { encodeUtf8 } from "../../src/utf8.ts";
import { authority } from "./authority.ts";
import { AnswerReader } from "./http-answer.ts";

type Done = (reason: string | undefined, answer: HttpAnswer | undefined) => void;

export class SocketHttpPorts implements HttpPorts {
  private readonly ports: Ports;

  constructor(ports: Ports) {
    this.ports = ports;
    Object.freeze(this);
  }

  post(request: HttpRequest, done: Done): () => void {
    const exchange = new SocketExchange(this.ports, request, done);
    return () => exchange.close();
  }

  random(): number {
    return this.ports.random();
  }

  get clock(): Clock {
    return this.ports.clock;
  }

  // Asked for when there is a client, not before: it may be a native that cannot run yet.
  get serial(): string {
    return this.ports.serial as string;
  }
}

class SocketExchange {
  private readonly done: Done;
  private readonly answer: AnswerReader;
  /** What is still to be sent. */
  private head: Uint8Array;
  private body: Uint8Array;
  private transport: Transport | undefined;
  /** Tells that there is no connection. */
  private failure: Timer | undefined;

  /** @throws ConfigurationException */
  constructor(ports: Ports, request: HttpRequest, done: Done) {
    this.done = done;
    this.answer = new AnswerReader(request.limit);
    this.head = encodeUtf8(headOf(request));
    this.body = request.body;
    try {
      this.transport = ports.open(request.endpoint, this);
    } catch (error) {
      if (error instanceof ConfigurationException) throw error;
      // For example, no socket is free. `done` is never called from inside post().
      this.failure = ports.clock.timer(() => this.end((error as Error).message));
      this.failure.set(0);
    }
  }

  close(): void {
    this.failure?.clear();
    this.transport?.close();
    this.transport = undefined;
  }

  /** @internal From the transport. */
  opened(): void {
    this.writableAgain();
  }

  /** @internal From the transport. */
  writableAgain(): void {
    this.head = this.write(this.head);
    if (!this.head.length) this.body = this.write(this.body);
  }

  /** @internal From the transport. */
  received(bytes: Uint8Array): void {
    try {
      if (this.answer.read(bytes)) this.end(undefined);
    } catch (error) {
      this.end((error as Error).message);
    }
  }

  /** @internal From the transport. */
  closed(reason?: string): void {
    this.end(this.answer.ended() ? undefined : reason || "the connection ended before the answer did");
  }

  private end(reason: string | undefined): void {
    this.close();
    this.done(reason, reason === undefined ? this.answer : undefined);
  }

  /** Returns what did not go. */
  private write(bytes: Uint8Array): Uint8Array {
    const { transport } = this;
    const count = transport ? Math.min(bytes.length, transport.writable) : 0;
    if (count) transport!.write(count === bytes.length ? bytes : bytes.subarray(0, count));
    return bytes.subarray(count);
  }
}

function headOf({ endpoint, path, headers, body }: HttpRequest): string {
  let text = `POST ${path} HTTP/1.1\r\nhost: ${authority(endpoint)}\r\nconnection: close\r\n`;
  for (const name in headers) text += `${name}: ${headers[name]}\r\n`;
  return `${text}content-length: ${body.length}\r\n\r\n`;
}
