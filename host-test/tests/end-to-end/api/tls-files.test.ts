// Certificates and keys on Node: those that can never work are refused when the connection is opened, with a text that says
// what to do and never shows the key; PEM and DER, encrypted or not, work.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import tls from "node:tls";
import {
  ConfigurationException,
  type ConnectionException,
  DeviceClient,
  type DeviceOptions,
  nodePorts,
  type TlsOptions,
} from "../../../../dist/node.js";
import { makeCertificate, noOpenssl } from "../../contract/certificates.ts";
import { IDENTITY } from "../../support/identity.ts";
import { listen } from "../../support/listen.ts";

const PASSPHRASE = "correct horse";

describe("certificates and keys", { skip: noOpenssl() }, () => {
  const { cert, key } = makeCertificate();
  const encryptedKey = execFileSync("openssl", ["pkcs8", "-topk8", "-passout", `pass:${PASSPHRASE}`], {
    input: key,
    encoding: "utf8",
  });
  const other = makeCertificate();
  const keyObject = createPrivateKey(key);
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const der = {
    cert: new Uint8Array(new X509Certificate(cert).raw),
    pkcs8: new Uint8Array(keyObject.export({ type: "pkcs8", format: "der" })),
    pkcs1: new Uint8Array(rsa.export({ type: "pkcs1", format: "der" })),
    sec1: new Uint8Array(keyObject.export({ type: "sec1", format: "der" })),
  };

  const listener = { opened() {}, received() {}, writableAgain() {}, closed() {} };
  const open = (options: TlsOptions, port = 1) =>
    nodePorts.open({ host: "127.0.0.1", port, tls: options }, listener).close();

  const BROKEN: [string, TlsOptions, string | RegExp][] = [
    [
      "a path for ca",
      { ca: "/etc/ssl/ca.pem" },
      /^ca is not PEM text; if it is the path of a file, read the file first$/,
    ],
    ["a path for cert", { cert: "c.pem", key }, /^cert is not PEM text; /],
    ["a path for key", { cert, key: "/k.pem" }, /^key is not PEM text; /],
    ["a key for ca", { ca: key }, /^ca is not a certificate: [a-z ]+$/],
    ["a broken ca", { ca: cert.slice(0, 200) }, /^ca is not a certificate: [a-z ]+$/],
    ["other bytes for ca", { ca: Uint8Array.of(1, 2, 3) }, /^ca is not a certificate: [a-z ]+$/],
    ["a certificate for key", { cert, key: cert }, /^key is not a private key: [a-z ]+$/],
    [
      "other bytes for key",
      { cert, key: Uint8Array.of(1, 2, 3) },
      "key is neither PEM nor DER of a private key that can be read",
    ],
    ["the key of another certificate", { cert, key: other.key }, "key does not belong to cert"],
    ["the same in DER, PKCS #1", { cert, key: der.pkcs1 }, "key does not belong to cert"],
    [
      "an encrypted key",
      { cert, key: encryptedKey },
      "key is encrypted: give its passphrase in the option key-passphrase",
    ],
    [
      "a wrong passphrase",
      { cert, key: encryptedKey, passphrase: "swordfish" },
      /^key cannot be decrypted; is key-passphrase right\? [a-z ]+$/,
    ],
    ["cert without key", { cert }, "cert without key"],
    ["key without cert", { key }, "key without cert"],
  ];

  for (const [name, options, message] of BROKEN) {
    test(`refuses ${name}`, () => {
      assert.throws(
        () => open(options),
        error => {
          assert.ok(error instanceof ConfigurationException, String(error));
          if (typeof message === "string") assert.equal(error.message, message);
          else assert.match(error.message, message);
          return !error.message.includes("swordfish") && !error.message.includes("-----BEGIN");
        },
      );
    });
  }

  const GOOD: [string, TlsOptions][] = [
    ["PEM", { ca: cert, cert, key }],
    ["PEM as bytes", { ca: Buffer.from(cert), cert: Buffer.from(cert), key: Buffer.from(key) }],
    ["DER, PKCS #8", { ca: der.cert, cert: der.cert, key: der.pkcs8 }],
    ["DER, SEC 1", { ca: der.cert, cert: der.cert, key: der.sec1 }],
    ["an encrypted key with its passphrase", { ca: cert, cert, key: encryptedKey, passphrase: PASSPHRASE }],
  ];

  for (const [name, options] of GOOD) {
    test(`the server sees the client certificate given as ${name}`, { timeout: 10_000 }, async t => {
      const server = tls.createServer({ cert, key, ca: cert, requestCert: true });
      const { port } = await listen(server, t);
      const accepted = once(server, "secureConnection");
      const transport = nodePorts.open({ host: "127.0.0.1", port, tls: options }, listener);
      t.after(() => transport.close());
      const [socket] = await accepted;
      assert.equal(socket.getPeerX509Certificate().fingerprint256, new X509Certificate(cert).fingerprint256);
    });
  }

  const device: DeviceOptions = { ...IDENTITY, host: "127.0.0.1", timeout: 10 };

  /** What the client says of its first attempt. */
  function firstReason(options: DeviceOptions): Promise<ConnectionException> {
    const client = new DeviceClient({ ...device, ...options });
    return new Promise(resolve => {
      client.disconnectedCallback = reason => {
        client.disconnectedCallback = undefined;
        client.disconnect();
        resolve(reason!);
      };
      client.connect();
    });
  }

  test("a client with a key that can never work stops, and does not retry", async () => {
    const client = new DeviceClient({ ...device, cert, key: other.key });
    const reason = await new Promise<Error | undefined>(resolve => {
      client.disconnectedCallback = resolve;
      client.connect();
    });
    assert.ok(reason instanceof ConfigurationException);
    assert.equal(reason.message, "key does not belong to cert");
    assert.equal(client.active, false);
  });

  test("key-passphrase reaches TLS, and needs a key", async () => {
    const { message } = await firstReason({
      port: 1,
      cert,
      key: encryptedKey,
      "key-passphrase": PASSPHRASE,
      tls: true,
    });
    assert.match(message, /ECONNREFUSED/);
    assert.throws(() => new DeviceClient({ ...device, "key-passphrase": PASSPHRASE }), {
      message: "key-passphrase without key",
    });
    assert.throws(() => new DeviceClient({ ...device, tls: false, cert, key, "key-passphrase": PASSPHRASE }), {
      message: /needs tls: true$/,
    });
  });

  for (const [name, answer] of [
    ["closes", undefined],
    ["answers without TLS", "HTTP/1.1 400 Bad Request\r\n\r\n"],
  ] as const) {
    test(`a server that ${name} where TLS is expected: the error names the option tls`, async t => {
      const { port } = await listen(
        createServer(socket => void socket.end(answer ?? "")),
        t,
      );
      const { code, message } = await firstReason({ port });
      assert.equal(code, "unreachable");
      assert.match(message, /: the server does not speak TLS on this port; for a server without TLS set tls to false$/);
    });
  }

  test("a refusal by the server is told in the words of TLS, without library, source file and line", async t => {
    const server = tls.createServer({ cert, key, maxVersion: "TLSv1.1", minVersion: "TLSv1" });
    const { port } = await listen(server, t);
    const { message } = await firstReason({ port, ca: cert });
    assert.equal(message, `cannot reach 127.0.0.1:${port}: tlsv1 alert protocol version`);
  });
});
