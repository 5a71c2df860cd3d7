// What every Ports.open must do (src/ports.ts), as tests any adapter can run. The runner brings the adapter and a world to
// connect to: servers whose every connection the tests play themselves. Nothing sleeps: silence is proved by the far end
// having seen the connection's end, and one more turn of the event loop.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { Endpoint, Ports, Transport, TransportListener } from "../../../src/ports.ts";
import { joined } from "../../harness/testing/bytes.ts";

/** The far end of one connection. */
export interface Peer {
  write(bytes: Uint8Array): void;
  /** Sends what was written, then ends. */
  end(): void;
  /** Ends without a word, as a machine that was switched off and on again. */
  reset(): void;
  /** Stops and goes on taking bytes. */
  pause(): void;
  resume(): void;
  onData: (bytes: Uint8Array) => void;
  /** The connection is over at this end. */
  readonly gone: Promise<unknown>;
}

export interface World {
  open: Ports["open"];
  /** A server on an endpoint of its own. `connected` is called for each connection, before any of its data. */
  serve(connected: (peer: Peer) => void): Promise<{ endpoint: Endpoint; stop(): Promise<unknown> }>;
  /** Where nobody listens. */
  nobody(): Promise<Endpoint>;
  /** A name nobody has; undefined where there are no names. */
  unknown: Endpoint | undefined;
}

/** One connection as its owner sees it. Notes every breach of the contract on the way. */
class Link implements TransportListener {
  readonly transport: Transport;
  readonly breaches: string[] = [];
  readonly chunks: Uint8Array[] = [];
  readonly events = new EventTarget();
  bytes = 0;
  isOpen = false;
  isClosed = false;
  closedByUs = false;
  again = 0;
  reason: string | undefined;
  private onReceived: () => void = () => {};
  onWritable: () => void = () => {};
  private inside = 0;

  constructor(open: Ports["open"], endpoint: Endpoint) {
    this.transport = this.guarded(() => open(endpoint, this));
    if (this.transport.writable !== 0) this.breaches.push("writable before opened");
  }

  /** Runs one of the transport's own calls: nothing may be told from inside it. */
  private guarded<T>(call: () => T): T {
    this.inside++;
    try {
      return call();
    } finally {
      this.inside--;
    }
  }

  write(bytes: Uint8Array): void {
    const before = this.transport.writable;
    if (bytes.length > before) throw new Error("the test wrote more than there is room for");
    const lent = bytes.slice();
    this.guarded(() => this.transport.write(lent));
    lent.fill(0xee); // the bytes are the caller's again
    const after = this.transport.writable;
    if (!(after >= 0)) this.breaches.push(`writable is ${after}`);
  }

  close(): void {
    this.guarded(() => this.transport.close());
    this.closedByUs = true;
  }

  private told(event: string, allowed: boolean): void {
    if (this.inside) this.breaches.push(`${event} from inside a call`);
    if (this.isClosed) this.breaches.push(`${event} after closed`);
    if (this.closedByUs) this.breaches.push(`${event} after close()`);
    if (!allowed) this.breaches.push(`${event} too early or twice`);
    this.events.dispatchEvent(new Event(event));
  }

  opened(): void {
    if (!(this.transport.writable > 0)) this.breaches.push("opened without room");
    const first = !this.isOpen;
    this.isOpen = true;
    this.told("opened", first);
  }

  received(bytes: Uint8Array): void {
    this.chunks.push(bytes.slice());
    this.bytes += bytes.length;
    this.told("received", this.isOpen && bytes.length > 0);
    this.onReceived();
  }

  writableAgain(): void {
    this.again++;
    this.told("writableAgain", this.isOpen && this.transport.writable > 0);
    this.onWritable();
  }

  closed(reason?: string): void {
    this.reason = reason;
    this.told("closed", true);
    this.isClosed = true;
    if (this.transport.writable !== 0) this.breaches.push("writable after closed");
  }

  /** At least so many bytes were received. */
  arrived(bytes: number): Promise<void> {
    return new Promise(resolve => {
      this.onReceived = () => {
        if (this.bytes >= bytes) resolve();
      };
    });
  }

  /** The next event of that name; at once for one that has been. */
  async until(event: "opened" | "closed"): Promise<void> {
    if (event === "opened" ? this.isOpen : this.isClosed) return;
    await once(this.events, event);
  }
}

/** A sequence with no short period, so that a lost, doubled or moved piece is seen. */
function pattern(start: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = ((start + i) ^ ((start + i) >> 8) ^ ((start + i) >> 16)) & 255;
  return bytes;
}

const turn = () => new Promise(resolve => setImmediate(resolve));

export function transportContract(name: string, world: World): void {
  // Plays one connection to the end, then looks for breaches. A test that hangs is one that fails.
  function contract(what: string, play: (connect: () => Promise<{ link: Link; peer: Peer }>) => Promise<Link>): void {
    test(`${name}: ${what}`, { timeout: 10_000 }, async () => {
      const waiting: ((peer: Peer) => void)[] = [];
      const server = await world.serve(peer => waiting.shift()?.(peer));
      const connect = async () => {
        const arrived = new Promise<Peer>(resolve => waiting.push(resolve));
        const link = new Link(world.open, server.endpoint);
        await link.until("opened");
        return { link, peer: await arrived };
      };
      try {
        const link = await play(connect);
        await turn();
        assert.deepEqual(link.breaches, []);
        if (!link.isClosed && !link.closedByUs) link.close();
      } finally {
        await server.stop();
      }
    });
  }

  contract("opened once, with room to write from then on", async connect => {
    const { link } = await connect();
    assert.ok(link.transport.writable > 0);
    return link;
  });

  contract("bytes written arrive, though the caller's buffer is overwritten right after", async connect => {
    const { link, peer } = await connect();
    const sizes = [1, 2, 300, 1024, 5000, 1];
    const arrived: Uint8Array[] = [];
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const all = new Promise<void>(resolve => {
      peer.onData = bytes => {
        arrived.push(bytes.slice());
        if (joined(arrived).length >= total) resolve();
      };
    });
    let at = 0;
    for (const size of sizes) {
      link.write(pattern(at, size));
      at += size;
    }
    await all;
    assert.deepEqual(joined(arrived), pattern(0, total));
    return link;
  });

  contract("1 MiB there and back, in pieces of odd sizes, waiting for room", async connect => {
    const { link, peer } = await connect();
    const total = 1024 * 1024;
    peer.onData = bytes => peer.write(bytes.slice());
    let sent = 0;
    const send = () => {
      while (sent < total && link.transport.writable > 0) {
        const size = Math.min(total - sent, link.transport.writable, 1 + ((sent * 7) % 9973));
        link.write(pattern(sent, size));
        sent += size;
      }
    };
    link.onWritable = send;
    const back = link.arrived(total);
    send();
    await back;
    assert.equal(Buffer.compare(joined(link.chunks), pattern(0, total)), 0);
    return link;
  });

  contract("a far end that does not read: room runs out, and comes back when it reads", async connect => {
    const { link, peer } = await connect();
    let arrived = 0;
    let wrong = 0;
    peer.onData = bytes => {
      if (Buffer.compare(bytes, pattern(arrived, bytes.length))) wrong++;
      arrived += bytes.length;
    };
    peer.pause();
    let sent = 0;
    // Whatever the engine and the kernel take in between counts as sent; it must end some time.
    for (let quiet = 0; quiet < 20; quiet++) {
      while (link.transport.writable > 0) {
        const size = Math.min(link.transport.writable, 65536);
        link.write(pattern(sent, size));
        sent += size;
        quiet = 0;
        assert.ok(sent < 256 * 1024 * 1024, "there is no end of room");
      }
      await turn();
    }
    assert.equal(link.transport.writable, 0);
    const before = link.again;
    const roomAgain = new Promise<void>(resolve => {
      link.onWritable = resolve;
    });
    peer.resume();
    await roomAgain;
    assert.ok(link.again > before && link.transport.writable > 0);
    link.close();
    await peer.gone;
    assert.deepEqual([arrived, wrong], [sent, 0], "everything written before close() arrives as it was");
    return link;
  });

  contract("the far end speaks and ends: all of it is received, then closed, once", async connect => {
    const { link, peer } = await connect();
    peer.write(pattern(0, 100_000));
    peer.end();
    await link.until("closed");
    assert.deepEqual(joined(link.chunks), pattern(0, 100_000));
    link.transport.write(new Uint8Array(1)); // does nothing any more
    link.transport.close();
    assert.equal(link.transport.writable, 0);
    await peer.gone;
    return link;
  });

  contract("the far end resets: closed, once, with a reason", async connect => {
    const { link, peer } = await connect();
    peer.reset();
    await link.until("closed");
    assert.ok(link.reason, "a reason");
    return link;
  });

  contract(
    "write and close in one go: the far end gets all of it and then the end; nothing is told any more",
    async connect => {
      const { link, peer } = await connect();
      const arrived: Uint8Array[] = [];
      peer.onData = bytes => arrived.push(bytes.slice());
      link.write(pattern(0, 3000));
      link.close();
      link.transport.close();
      assert.equal(link.transport.writable, 0);
      await peer.gone;
      assert.deepEqual(joined(arrived), pattern(0, 3000));
      return link;
    },
  );

  contract("close while the far end goes on speaking: nothing is told any more", async connect => {
    const { link, peer } = await connect();
    const first = link.arrived(1);
    for (let n = 0; n < 20; n++) peer.write(pattern(0, 10_000));
    await first;
    const heard = link.bytes;
    link.close();
    peer.write(pattern(0, 10_000));
    peer.end();
    await peer.gone;
    await turn();
    assert.equal(link.bytes, heard);
    return link;
  });

  contract("two connections at once do not mix", async connect => {
    const one = await connect();
    const two = await connect();
    for (const { peer } of [one, two]) peer.onData = bytes => peer.write(bytes.slice());
    const done = [one, two].map(({ link }) => link.arrived(2000));
    for (let n = 0; n < 20; n++) {
      one.link.write(pattern(n * 100, 100));
      two.link.write(pattern(5000 + n * 100, 100));
    }
    await Promise.all(done);
    assert.deepEqual(joined(one.link.chunks), pattern(0, 2000));
    assert.deepEqual(joined(two.link.chunks), pattern(5000, 2000));
    assert.deepEqual(two.link.breaches, []);
    two.link.close();
    return one.link;
  });

  test(`${name}: close() before it is open: nothing is told`, { timeout: 10_000 }, async () => {
    const server = await world.serve(() => {});
    const link = new Link(world.open, server.endpoint);
    link.close();
    // A second connection through the same server shows that the first had every chance.
    const other = new Link(world.open, server.endpoint);
    await other.until("opened");
    await turn();
    assert.deepEqual([link.breaches, link.isOpen, link.isClosed], [[], false, false]);
    other.close();
    await server.stop();
  });

  test(`${name}: nobody listens: closed, with a reason, never opened`, { timeout: 10_000 }, async () => {
    const link = new Link(world.open, await world.nobody());
    await link.until("closed");
    await turn();
    assert.deepEqual([link.breaches, link.isOpen], [[], false]);
    assert.match(link.reason ?? "", /ECONNREFUSED/);
  });

  const { unknown } = world;
  if (unknown) {
    test(`${name}: a name nobody has: closed, with a reason that names it, never opened`, {
      timeout: 30_000,
    }, async () => {
      const link = new Link(world.open, unknown);
      await link.until("closed");
      assert.deepEqual([link.breaches, link.isOpen], [[], false]);
      assert.ok(link.reason?.includes(unknown.host), link.reason);
    });
  }
}
