// The fake transport of the dialogues against the same contract: what is proved with it must hold with a real one.

import type { Endpoint, TransportListener } from "../../../src/ports.ts";
import { FakeTransport } from "../../harness/testing/transport.ts";
import { type Peer, transportContract, type World } from "./transport-contract.ts";

const WINDOW = 32 * 1024;

/** A fake whose far end lives in the next turn of the event loop. */
class LoopTransport extends FakeTransport {
  peer: LoopPeer | undefined;

  override write(bytes: Uint8Array): void {
    super.write(bytes);
    this.peer?.wake();
  }

  override close(): void {
    super.close();
    this.peer?.wake();
  }
}

class LoopPeer implements Peer {
  onData: (bytes: Uint8Array) => void = () => {};
  readonly gone: Promise<unknown>;
  private over: () => void = () => {};
  private readonly link: LoopTransport;
  private readonly out: Uint8Array[] = [];
  private ending: string | false = false;
  private paused = false;
  private taken = 0;
  private awake = false;

  constructor(link: LoopTransport) {
    this.link = link;
    this.gone = new Promise<void>(resolve => {
      this.over = resolve;
    });
  }

  wake(): void {
    if (this.awake) return;
    this.awake = true;
    setImmediate(() => {
      this.awake = false;
      this.live();
    });
  }

  private live(): void {
    for (let bytes = this.out.shift(); bytes; bytes = this.out.shift()) this.link.receives(bytes);
    if (this.ending !== false) this.link.ends(this.ending || undefined);
    if (this.paused) return;
    let read = 0;
    for (; this.taken < this.link.writes.length; this.taken++) {
      read += this.link.writes[this.taken]!.length;
      this.onData(this.link.writes[this.taken]!);
    }
    if (read) this.link.drains(read);
    if (!this.link.alive) this.over();
  }

  write(bytes: Uint8Array): void {
    this.out.push(bytes);
    this.wake();
  }

  end(): void {
    this.ending = "";
    this.wake();
  }

  reset(): void {
    this.ending = "ECONNRESET";
    this.wake();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.wake();
  }
}

const servers = new Map<number, (peer: Peer) => void>();
let lastPort = 0;

const world: World = {
  open(endpoint: Endpoint, listener: TransportListener) {
    const link = new LoopTransport(endpoint, listener);
    setImmediate(() => {
      const connected = servers.get(endpoint.port);
      if (!connected) return link.ends("ECONNREFUSED");
      if (!link.alive) return;
      link.peer = new LoopPeer(link);
      link.room = WINDOW;
      connected(link.peer);
      link.opens();
    });
    return link;
  },
  async serve(connected) {
    const port = ++lastPort;
    servers.set(port, connected);
    return { endpoint: { host: "fake", port }, stop: async () => servers.delete(port) };
  },
  nobody: async () => ({ host: "fake", port: 0 }),
  unknown: undefined,
};

transportContract("fake", world);
