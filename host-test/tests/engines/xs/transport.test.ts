// Sockets lent to XS: the contract of Transport and TransportListener, seen from a program inside XS (programs/
// transport.js) against real TCP servers of this process, and the back-pressure of the lent socket itself.

import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import net, { type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import { fileURLToPath } from "node:url";
import { startXs, type Xs } from "../../../harness/xs/host.ts";
import { HostSocket } from "../../../harness/xs/sockets.ts";
import { makeCertificate, noOpenssl } from "../../contract/certificates.ts";
import { type Listening, listen } from "../../support/listen.ts";

const PROGRAM = fileURLToPath(new URL("programs/transport.js", import.meta.url));

interface Outcome {
  sent: number;
  received: number;
  waits: number;
  writable: number;
  heard: string;
  reason?: string;
  broken: string[];
}

async function withServer<T>(
  handler: (socket: Socket) => void,
  use: (endpoint: { host: string; port: number }) => Promise<T>,
): Promise<T> {
  const { port, close } = await listen(net.createServer(handler));
  try {
    return await use({ host: "127.0.0.1", port });
  } finally {
    close();
  }
}

const echo = (socket: Socket): void => void socket.pipe(socket);

describe("a transport in XS", { timeout: 10_000 }, () => {
  let xs: Xs;
  let full: (sent: number) => void = () => {};
  before(async () => {
    xs = await startXs({ modules: [PROGRAM], calls: { full: (sent: number) => full(sent) } });
  });
  after(() => xs.close());

  const run = async (name: string, argument: Record<string, unknown>): Promise<Outcome> => {
    const outcome = await xs.call<Outcome>(name, argument);
    assert.deepEqual(outcome.broken, []);
    return outcome;
  };

  test("carries bytes whole", () =>
    withServer(echo, async endpoint => {
      const { sent, received, writable } = await run("echo", { endpoint, total: 1000, piece: 1000 });
      assert.deepEqual({ sent, received, writable }, { sent: 1000, received: 1000, writable: 0 });
    }));

  test("carries bytes in tiny pieces, both ways", () => {
    const tiny = (socket: Socket): void => {
      socket.setNoDelay(true);
      socket.on("data", chunk => {
        for (const byte of chunk) socket.write(Uint8Array.of(byte));
      });
    };
    return withServer(tiny, async endpoint => {
      const { received } = await run("echo", { endpoint, total: 500, piece: 1 });
      assert.equal(received, 500);
    });
  });

  test("echoes 1 MiB, waiting for room on the way", () =>
    withServer(echo, async endpoint => {
      const total = 1024 * 1024;
      const { sent, received } = await run("echo", { endpoint, total, piece: 48 * 1024 });
      assert.deepEqual({ sent, received }, { sent: total, received: total });
    }));

  test("writable falls to what is left, writableAgain comes when the other end reads on", async () => {
    let total = 0;
    let peer: Socket | undefined;
    let ended: Promise<unknown> | undefined;
    const piece = 16 * 1024;
    const handler = (socket: Socket): void => {
      peer = socket.pause();
      ended = once(socket, "end");
      socket.on("data", chunk => {
        total += chunk.length;
      });
    };
    let fullAt = 0;
    await withServer(handler, async endpoint => {
      full = sent => {
        fullAt = sent;
        peer!.resume();
      };
      const { sent } = await run("fill", { endpoint, piece, more: 2 });
      await ended;
      assert.ok(fullAt >= 64 * 1024);
      assert.equal(sent, fullAt + 2 * piece);
      assert.equal(total, sent);
    });
  });

  test("all that was written before close arrives, then the end", async () => {
    let heard: Promise<string> | undefined;
    const handler = (socket: Socket): void => {
      heard = text(socket);
      socket.write("something the program never hears");
    };
    await withServer(handler, async endpoint => {
      await run("say", { endpoint, text: "ä".repeat(20_000) });
      assert.equal(await heard, "ä".repeat(20_000));
    });
  });

  test("bytes of the other end come before its close, which needs no reason", () =>
    withServer(
      socket => void socket.end("good bye"),
      async endpoint => {
        const outcome = await run("listen", { endpoint });
        assert.equal(outcome.heard, "good bye");
        assert.equal(outcome.writable, 0);
        assert.equal(outcome.reason, undefined);
      },
    ));

  test("a connection that is reset is closed with a reason", () =>
    withServer(
      socket => void socket.once("data", () => socket.resetAndDestroy()),
      async endpoint => {
        const { reason } = await run("listen", { endpoint, text: "hello" });
        assert.match(reason!, /ECONNRESET/);
      },
    ));

  test("a refused connection is closed with host, port and reason", async () => {
    const endpoint = await withServer(echo, async endpoint => endpoint);
    const { reason } = await run("listen", { endpoint });
    assert.match(reason!, new RegExp(`ECONNREFUSED 127.0.0.1:${endpoint.port}`));
  });

  test("a name that does not exist is closed with a reason", async () => {
    const { reason } = await run("listen", { endpoint: { host: "nowhere.invalid", port: 1883 } });
    assert.match(reason!, /ENOTFOUND nowhere\.invalid|EAI_AGAIN nowhere\.invalid/);
  });

  test("closed before it was open: nothing is told", () =>
    withServer(echo, async endpoint => {
      await xs.call("giveUp", { endpoint });
      await run("echo", { endpoint, total: 10, piece: 10 });
    }));

  test("an endpoint that can never work throws; writing more than there is room for throws", () =>
    withServer(echo, async endpoint => {
      await assert.rejects(xs.call("giveUp", { endpoint: { host: "127.0.0.1", port: 70000 } }), /port must be/);
      await assert.rejects(xs.call("giveUp", { endpoint: { host: "", port: 1 } }), /host must be/);
      assert.match(await xs.call<string>("overfill", { endpoint }), /RangeError: write of 65537 bytes, room for 65536/);
    }));

  test("many connections at once", () =>
    withServer(echo, async endpoint => {
      const runs = Array.from({ length: 50 }, () => run("echo", { endpoint, total: 3000, piece: 700 }));
      for (const { received } of await Promise.all(runs)) assert.equal(received, 3000);
    }));
});

test("what a listener throws is told to the host, with the connection, and the engine lives on", () =>
  withServer(echo, async endpoint => {
    const errors: Error[] = [];
    const xs = await startXs({ onError: error => errors.push(error) });
    await xs.evaluate(`
      globalThis.transport = host.ports.open(${JSON.stringify(endpoint)}, {
        opened() { transport.write(new Uint8Array(3)); throw new RangeError("in opened"); },
        received() { transport.close(); done(); null.x; },
      });
      new Promise(resolve => { globalThis.done = resolve; })`);
    await xs.evaluate("1");
    await xs.close();
    const texts = errors.map(error => error.stack!);
    assert.equal(texts.length, 2);
    assert.match(texts[0]!, /RangeError: in opened.*opened, connection to 127/s);
    assert.match(texts[1]!, /TypeError.*received, connection to 127/s);
  }));

describe("TLS", { timeout: 10_000, skip: noOpenssl() }, () => {
  const { key, cert } = makeCertificate("DNS:iot.test");
  const names: unknown[] = [];
  let server: Listening;
  let xs: Xs;
  before(async () => {
    const echoing = tls.createServer({ key, cert }, socket => {
      names.push(socket.servername);
      socket.on("error", () => {});
      echo(socket);
    });
    server = await listen(echoing);
    xs = await startXs({ modules: [PROGRAM] });
  });
  after(async () => {
    await xs.close();
    server.close();
  });
  const endpoint = (tls: Record<string, unknown>) => ({
    host: "127.0.0.1",
    port: server.port,
    tls,
  });

  test("carries bytes to a server it trusts, asked for by name", async () => {
    const total = 300_000;
    const { received, broken } = await xs.call<Outcome>("echo", {
      endpoint: endpoint({ ca: cert, serverName: "iot.test" }),
      total,
      piece: 5000,
    });
    assert.deepEqual({ received, broken }, { received: total, broken: [] });
    assert.equal(names.pop(), "iot.test");
  });

  test("takes certificates as bytes", async () => {
    const options = JSON.stringify(endpoint({ serverName: "iot.test" }));
    const opened = await xs.evaluate(`new Promise(resolve => {
      const endpoint = ${options};
      endpoint.tls.ca = new TextEncoder().encode(${JSON.stringify(cert)});
      const socket = host.ports.open(endpoint, { opened() { socket.close(); resolve("opened"); }, closed: resolve });
    })`);
    assert.equal(opened, "opened");
  });

  test("is closed with a reason when the server is not trusted, or is another", async () => {
    const stranger = await xs.call<Outcome>("listen", { endpoint: endpoint({ serverName: "iot.test" }) });
    assert.match(stranger.reason!, /self-signed certificate/);
    const other = await xs.call<Outcome>("listen", { endpoint: endpoint({ ca: cert, serverName: "other.test" }) });
    assert.match(other.reason!, /other\.test/);
    await assert.rejects(xs.call("listen", { endpoint: endpoint({ cert: "not a certificate" }) }), /Error/);
  });
});

describe("closing the engine", () => {
  test("drops a connection in use", async () => {
    let ended: Promise<unknown> | undefined;
    const handler = (socket: Socket): void => {
      ended = once(socket, "close");
      socket.resume();
    };
    await withServer(handler, async endpoint => {
      const xs = await startXs();
      await xs.evaluate(
        `new Promise(opened => { host.ports.open(${JSON.stringify(endpoint)}, { opened, closed() {} }); })`,
      );
      await xs.close();
      await ended;
    });
  });

  test("lets a closed connection send its last bytes", async () => {
    let heard: Promise<string> | undefined;
    const handler = (socket: Socket): void => {
      heard = text(socket);
    };
    await withServer(handler, async endpoint => {
      const xs = await startXs({ modules: [PROGRAM] });
      await xs.call("say", { endpoint, text: "x".repeat(65_536) });
      await xs.close();
      assert.equal(await heard, "x".repeat(65_536));
    });
  });
});

test("a socket whose bytes are not taken is paused, and resumed when they are", () => {
  const total = 8 * 1024 * 1024;
  return withServer(
    socket => void socket.write(Buffer.alloc(total)),
    async endpoint => {
      const notTaken: (() => void)[] = [];
      let received = 0;
      let taking = false;
      const progress = new EventEmitter();
      const [paused, whole] = [once(progress, "paused"), once(progress, "whole")];
      const socket = new HostSocket(endpoint, {
        opened() {},
        writable() {},
        closed() {},
        received(bytes, taken) {
          received += bytes.length;
          if (taking) taken();
          else notTaken.push(taken);
          if (received > 256 * 1024) progress.emit("paused");
          if (received === total) progress.emit("whole");
        },
      });
      await paused;
      const waiting = received;
      // Round trips on another connection: time in which a socket that is not paused would go on.
      for (let i = 0; i < 20; i++) await roundTrip();
      assert.equal(received, waiting);
      assert.ok(waiting <= 256 * 1024 + 64 * 1024, `${waiting} bytes wait`);
      taking = true;
      for (const taken of notTaken) taken();
      await whole;
      socket.drop();
      await socket.gone;
    },
  );
});

async function roundTrip(): Promise<void> {
  await withServer(echo, async endpoint => {
    const socket = net.connect(endpoint);
    socket.write("x");
    await once(socket, "data");
    socket.destroy();
  });
}
