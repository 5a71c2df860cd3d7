// A TCP proxy on the loopback that harms what passes: it cuts, resets, stalls, delays, splits into single bytes, swallows,
// lets a broken connection's last bytes arrive late, or refuses. A fault begins after a number of bytes, so also in the
// middle of a packet. TCP's own promise stays: what arrives is in order and without gaps.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export type LinkFault = "cut" | "reset" | "stall" | "delay" | "split" | "swallow" | "late" | "refuse";
export const LINK_FAULTS: readonly LinkFault[] = [
  "cut",
  "reset",
  "stall",
  "delay",
  "split",
  "swallow",
  "late",
  "refuse",
];

/** How long a stall, a delay or a split lasts, and a refused client is refused; milliseconds. */
const SPELL_MS = 60;
/** How long a connection rests after each piece while it is delayed, milliseconds. */
const DELAY_MS = 5;
/** How long after a cut the last bytes arrive; the client is back by then, or comes just then. */
const LATE_MS = 40;

/** Called for each direction of each connection; returns what is told the bytes that were passed on. */
export type Listen = (connection: number, from: "client" | "server") => (bytes: Uint8Array) => void;

/** One connection through the proxy, both its sockets. */
class Pair {
  readonly client: Socket;
  readonly server: Socket;
  private mode: "pass" | "split" | "delay" | "stall" | "swallow" = "pass";
  private readonly proxy: RoughProxy;

  constructor(proxy: RoughProxy, client: Socket, server: Socket, number: number) {
    this.proxy = proxy;
    this.client = client;
    this.server = server;
    this.join(client, server, proxy.listen(number, "client"));
    this.join(server, client, proxy.listen(number, "server"));
  }

  suffer(fault: LinkFault): void {
    if (fault === "cut" || fault === "refuse") this.end();
    else if (fault === "reset") {
      this.client.resetAndDestroy();
      this.server.resetAndDestroy();
    } else if (fault === "late") this.endLate();
    else {
      this.mode = fault;
      // What is swallowed never comes back: such a link is dead, and its ends have to find out.
      if (fault !== "swallow") setTimeout(() => this.recover(), SPELL_MS);
      if (fault === "stall") for (const socket of [this.client, this.server]) socket.pause();
    }
  }

  end(): void {
    this.client.destroy();
    this.server.destroy();
  }

  private recover(): void {
    if (this.mode !== "swallow") this.mode = "pass";
    for (const socket of [this.client, this.server]) socket.resume();
  }

  // The server does not hear of the end at once, and what is on the way to it arrives.
  private endLate(): void {
    this.client.destroy();
    this.server.removeAllListeners("data").resume();
    setTimeout(() => this.server.end(), LATE_MS);
  }

  private join(from: Socket, to: Socket, heard: (bytes: Uint8Array) => void): void {
    from.setNoDelay(true);
    from.on("data", bytes => this.proxy.passing(this, bytes, part => this.pass(part, from, to, heard)));
    from.on("error", () => {});
    from.on("end", () => to.end());
    from.on("close", () => {
      this.proxy.gone(this);
      if (this.client === from && !this.server.destroyed && !this.server.writableEnded) return; // "late" sees to it
      to.end();
    });
  }

  private pass(bytes: Buffer, from: Socket, to: Socket, heard: (bytes: Uint8Array) => void): void {
    if (this.mode === "swallow" || to.destroyed) return;
    heard(bytes);
    if (this.mode === "split") for (const byte of bytes) to.write(Uint8Array.of(byte));
    else to.write(bytes);
    if (this.mode !== "delay") return;
    from.pause();
    setTimeout(() => from.resume(), DELAY_MS);
  }
}

export class RoughProxy {
  /** How often each fault has happened. */
  readonly counts: Record<string, number> = {};
  /** @internal */
  readonly listen: Listen;
  private readonly server: Server;
  private readonly target: number;
  private readonly pairs = new Set<Pair>();
  private left = 0;
  private planned: ((pair: Pair) => void) | undefined;
  private refusing = false;
  private connections = 0;

  private constructor(target: number, listen: Listen) {
    this.target = target;
    this.listen = listen;
    this.server = createServer(client => this.accept(client));
  }

  static async start(target: number, listen: Listen): Promise<RoughProxy> {
    const proxy = new RoughProxy(target, listen);
    proxy.server.listen(0, "127.0.0.1");
    await once(proxy.server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** After `bytes` more bytes, in either direction, `fault` happens to the connection they pass through; then it resolves. */
  after(bytes: number, fault: LinkFault): Promise<void> {
    return this.plan(bytes, pair => {
      this.counts[fault] = (this.counts[fault] ?? 0) + 1;
      if (fault === "refuse") this.refuseForAWhile();
      pair.suffer(fault);
    });
  }

  /** Resolves after `bytes` more bytes. */
  passed(bytes: number): Promise<void> {
    return this.plan(bytes, () => {});
  }

  close(): void {
    this.server.close();
    for (const pair of this.pairs) pair.end();
  }

  /** @internal */
  passing(pair: Pair, bytes: Buffer, pass: (part: Buffer) => void): void {
    const planned = this.planned;
    if (!planned || bytes.length < this.left) {
      this.left -= bytes.length;
      return pass(bytes);
    }
    this.planned = undefined;
    pass(bytes.subarray(0, this.left));
    const rest = bytes.subarray(this.left);
    planned(pair);
    pass(rest); // lost where the fault has ended the connection
  }

  /** @internal */
  gone(pair: Pair): void {
    if (pair.client.destroyed && pair.server.destroyed) this.pairs.delete(pair);
  }

  private plan(bytes: number, act: (pair: Pair) => void): Promise<void> {
    return new Promise(resolve => {
      this.left = bytes;
      this.planned = pair => {
        act(pair);
        resolve();
      };
    });
  }

  private refuseForAWhile(): void {
    this.refusing = true;
    setTimeout(() => {
      this.refusing = false;
    }, SPELL_MS);
  }

  private accept(client: Socket): void {
    if (this.refusing) return void client.destroy();
    const server = connect(this.target, "127.0.0.1");
    this.pairs.add(new Pair(this, client, server, ++this.connections));
  }
}
