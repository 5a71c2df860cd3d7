// targets/node/sockets.ts against the transport contract, over TCP and TLS, and what TLS refuses.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import dns from "node:dns";
import net from "node:net";
import { after, before, type TestContext, test } from "node:test";
import tls from "node:tls";
import type { Endpoint, TlsOptions, Transport, TransportListener } from "../../../src/ports.ts";
import { openSocket } from "../../../targets/node/sockets.ts";
import { describe } from "../../../targets/node/tls.ts";
import { listen } from "../support/listen.ts";
import { type Certificate, makeCertificate, noOpenssl } from "./certificates.ts";
import { nodeWorld } from "./node-world.ts";
import { transportContract } from "./transport-contract.ts";

const turn = () => new Promise(resolve => setImmediate(resolve));

/** Hears nothing. */
const DEAF: TransportListener = { opened() {}, received() {}, writableAgain() {}, closed() {} };

/** Opens a socket, and closes it when it is open: "opened", or the reason why it is not. */
function outcome(endpoint: Endpoint): Promise<string> {
  return new Promise(resolve => {
    const transport = openSocket(endpoint, {
      ...DEAF,
      opened: () => transport.close(() => resolve("opened")),
      closed: reason => resolve(reason ?? ""),
    });
  });
}

transportContract("TCP", nodeWorld());

const skip = noOpenssl();
if (skip) test("TLS", { skip }, () => {});
else withTls(makeCertificate());

function withTls(certificate: Certificate): void {
  transportContract("TLS", nodeWorld(certificate));
  let server: Awaited<ReturnType<ReturnType<typeof nodeWorld>["serve"]>>;
  before(async () => {
    server = await nodeWorld(certificate).serve(() => {});
  });
  after(() => server.stop());

  const reasonFor = (host: string, tls: TlsOptions, port = server.endpoint.port) => outcome({ host, port, tls });

  // Host, options, and what is told.
  const cases: [string, string, TlsOptions, RegExp][] = [
    ["the right authority, by address", "127.0.0.1", { ca: certificate.cert }, /^opened$/],
    ["the right authority, by name", "localhost", { ca: certificate.cert }, /^opened$/],
    [
      "authorities in DER, one behind the other",
      "127.0.0.1",
      { ca: Buffer.concat([makeCertificate(), certificate].map(one => new X509Certificate(one.cert).raw)) },
      /^opened$/,
    ],
    ["the authority as bytes", "127.0.0.1", { ca: Buffer.from(certificate.cert) }, /^opened$/],
    [
      "the name the certificate has, another address",
      "127.0.0.1",
      { ca: certificate.cert, serverName: "localhost" },
      /^opened$/,
    ],
    ["no authority", "127.0.0.1", {}, /self-signed certificate/],
    ["another authority", "127.0.0.1", { ca: makeCertificate().cert }, /self-signed certificate|unable to verify/],
    ["another name", "127.0.0.1", { ca: certificate.cert, serverName: "other.test" }, /other\.test/],
  ];
  for (const [name, host, tls, told] of cases) {
    test(`TLS: ${name}: ${told.source}`, { timeout: 10_000 }, async () =>
      assert.match(await reasonFor(host, tls), told),
    );
  }

  test("TLS: no authority is refused also where NODE_TLS_REJECT_UNAUTHORIZED is 0", { timeout: 10_000 }, async t => {
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    t.after(() => {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    });
    assert.match(await reasonFor("127.0.0.1", {}), /self-signed certificate/);
  });

  test("TLS: a server of TLS 1.2 is accepted", { timeout: 10_000 }, async t => {
    const { port } = await listen(
      tls.createServer({ ...certificate, maxVersion: "TLSv1.2" }, socket => void socket.resume()),
      t,
    );
    assert.equal(await reasonFor("127.0.0.1", { ca: certificate.cert }, port), "opened");
  });

  test("TLS: a certificate that cannot be read is thrown by open", () => {
    const tls = { cert: "nonsense", key: "nonsense" };
    assert.throws(() => openSocket({ host: "127.0.0.1", port: 1, tls }, DEAF));
  });
}

test("an error for each address of a name: all are told", () => {
  const each = ["::1", "127.0.0.1"].map(address => new Error(`connect ECONNREFUSED ${address}:1883`));
  assert.equal(
    describe(new AggregateError(each)),
    "connect ECONNREFUSED ::1:1883, connect ECONNREFUSED 127.0.0.1:1883",
  );
});

const secure = noOpenssl() ? undefined : makeCertificate();

for (const certificate of secure ? [undefined, secure] : [undefined]) {
  const kind = certificate ? "TLS" : "TCP";
  /** Opens a socket to many.test, which has these addresses; "opened", or the reason. */
  const open = (t: TestContext, addresses: string[], port: number): Promise<string> => {
    const found = addresses.map(address => ({ address, family: 4 }));
    t.mock.method(dns, "lookup", (_: string, __: object, done: (error: null, found: object) => void) =>
      process.nextTick(() => done(null, found)),
    );
    const tls = certificate && { tls: { ca: certificate.cert, serverName: "localhost" } };
    return outcome({ host: "many.test", port, ...tls });
  };

  test(`${kind}: a name with several addresses: nobody listens on the first, the second one is used`, {
    timeout: 10_000,
  }, async t => {
    const server = await nodeWorld(certificate).serve(() => {});
    t.after(() => server.stop());
    assert.equal(await open(t, ["127.0.0.2", "127.0.0.1"], server.endpoint.port), "opened");
  });

  test(`${kind}: a name with several addresses, and nobody listens: all are told`, { timeout: 10_000 }, async t => {
    const { port } = await nodeWorld(certificate).nobody();
    assert.equal(
      await open(t, ["127.0.0.2", "127.0.0.1"], port),
      `connect ECONNREFUSED 127.0.0.2:${port}, connect ECONNREFUSED 127.0.0.1:${port}`,
    );
  });
}

test("TCP: close() before it is open gives the connection up, it does not go on in the background", {
  timeout: 10_000,
}, async ({ mock }) => {
  mock.method(dns, "lookup", () => {}); // never answered
  const listener = { ...DEAF, opened: () => assert.fail(), closed: () => assert.fail() };
  await new Promise<void>(resolve => openSocket({ host: "far.test", port: 1883 }, listener).close(resolve));
});

test("TCP: close() tells when the socket is closed, also if it was closed before, and leaves no timer", {
  timeout: 10_000,
}, async t => {
  const { port } = await listen(
    net.createServer(socket => void socket.resume()),
    t,
  );
  const set = t.mock.method(globalThis, "setTimeout");
  const cleared = t.mock.method(globalThis, "clearTimeout");
  const transport = await new Promise<Transport>(resolve => {
    const opening = openSocket({ host: "127.0.0.1", port }, { ...DEAF, opened: () => resolve(opening) });
  });
  await new Promise<void>(resolve => transport.close(resolve));
  await new Promise<void>(resolve => transport.close(resolve));
  const [limit] = set.mock.calls.filter(call => call.arguments[1] === 5000);
  assert.ok(cleared.mock.calls.some(call => call.arguments[0] === limit!.result));
});

test("TCP: small writes of one turn leave as one segment, which waits for no other", { timeout: 10_000 }, async ({
  mock,
}) => {
  const noDelay = mock.method(net.Socket.prototype, "setNoDelay");
  const chunks: number[] = [];
  const server = net.createServer(socket => {
    socket.on("data", bytes => chunks.push(bytes.length));
    socket.on("close", () => server.close());
  });
  const { port } = await listen(server);
  const transport = openSocket(
    { host: "127.0.0.1", port },
    {
      ...DEAF,
      opened() {
        for (let n = 0; n < 100; n++) transport.write(Uint8Array.of(n));
        transport.close();
      },
    },
  );
  await new Promise(resolve => server.on("close", resolve));
  assert.deepEqual(chunks, [100]);
  assert.deepEqual(
    noDelay.mock.calls.map(call => call.arguments),
    [[true]],
  );
});

test("TCP: what is written counts at once, before the turn ends", { timeout: 10_000 }, async () => {
  const server = net.createServer(socket => socket.resume().on("close", () => server.close()));
  const { port } = await listen(server);
  const room: number[] = [];
  const transport = openSocket(
    { host: "127.0.0.1", port },
    {
      ...DEAF,
      opened() {
        for (const size of [1, 100, 5000]) {
          const before = transport.writable;
          transport.write(new Uint8Array(size));
          room.push(before - transport.writable);
        }
        transport.close();
      },
    },
  );
  await new Promise(resolve => server.on("close", resolve));
  assert.deepEqual(room, [1, 100, 5000]);
});

test("TCP: a far end that never reads does not keep a closed socket for ever", { timeout: 10_000 }, async ({
  mock,
}) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const taken: net.Socket[] = [];
  const server = net.createServer({ pauseOnConnect: true }, socket => taken.push(socket));
  const { port } = await listen(server);
  await new Promise<void>(resolve => {
    const transport = openSocket(
      { host: "127.0.0.1", port },
      {
        ...DEAF,
        async opened() {
          for (let quiet = 0; quiet < 20; quiet++) {
            for (; transport.writable > 0; quiet = 0)
              transport.write(new Uint8Array(Math.min(transport.writable, 65536)));
            await turn();
          }
          transport.close();
          resolve();
        },
      },
    );
  });
  const sockets = () => process.getActiveResourcesInfo().filter(name => name === "TCPSocketWrap").length;
  const before = sockets();
  for (let n = 0; n < 5; n++) await turn();
  const meanwhile = sockets();
  mock.timers.tick(5000);
  for (let n = 0; n < 5; n++) await turn();
  const after = sockets();
  for (const socket of taken) socket.destroy();
  await new Promise(resolve => server.close(resolve));
  assert.deepEqual([meanwhile, after], [before, before - 1]);
});
