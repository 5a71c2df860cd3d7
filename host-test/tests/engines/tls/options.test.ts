// What the device makes of ca, cert and key, and the TCP sockets under its TLS.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { guarded, type SocketClass, secureOptions } from "../../../../targets/moddable/secure.ts";
import { pemOf, withIssuer } from "../../contract/certificates.ts";
import { record } from "./reference.ts";

const extensions = ["basicConstraints=CA:TRUE"];
const [one, two] = withIssuer(issue => ["one", "two"].map(name => issue({ name, keyType: "p256", extensions }).der));
const both = Buffer.concat([one!, two!]);
const text = pemOf([one!, two!]);

const key = (type: "rsa" | "ec", format: "pkcs8" | "pkcs1" | "sec1") =>
  generateKeyPairSync(type as "rsa", { modulusLength: 2048, namedCurve: "P-256" } as { modulusLength: number })
    .privateKey.export({ type: format as "pkcs8", format: "pem" })
    .toString();
const RSA = key("rsa", "pkcs8");

test("cert and key need each other", () => {
  assert.throws(() => secureOptions({ cert: text }), /^ConfigurationException: cert without key$/);
  assert.throws(() => secureOptions({ key: RSA }), /^ConfigurationException: key without cert$/);
});

describe("certificates", () => {
  const ca = (value: string | Uint8Array) => (secureOptions({ ca: value }) as { certificate: Uint8Array }).certificate;

  for (const [what, value] of [
    ["PEM with several blocks", text],
    ["with text around the blocks", `authorities\n${text.replace("-----END", "-----END")}\nthe end\n`],
    ["in lines of 64, with CR", text.replace(/[^\n-]{64}/g, "$&\r\n")],
    ["as bytes", Buffer.from(text)],
    ["DER, one behind the other", both],
  ] as const) {
    test(what, () => assert.deepEqual(Buffer.from(ca(value)), both));
  }

  test("a client's, with its issuer's", () => {
    const { clientCertificates } = secureOptions({ cert: text, key: RSA }) as { clientCertificates: Uint8Array[] };
    const given = clientCertificates.map(der => Buffer.from(der));
    assert.deepEqual(given, [one, two]);
  });

  for (const [what, value, reason] of [
    ["nothing", "", undefined],
    ["a text", "hello", /ca must be DER, or PEM with BEGIN CERTIFICATE/],
    ["a key", text.replaceAll("CERTIFICATE", "PUBLIC KEY"), /ca must be DER, or PEM/],
    ["a block without its end", text.slice(0, -30), /ca must be DER, or PEM/],
    ["an empty block", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", /ca must be DER, or PEM/],
    ["characters that are not base64", text.replace("MII", "M!I").replace("MIIB", "M_IB"), /ca must be DER, or PEM/],
    ["base64 that is cut off", text.replace(/=*\n-----END/, "A\n-----END"), /ca must be/],
    ["padding in the middle", text.replace("M", "="), /ca must be DER, or PEM/],
    ["DER that is cut off", both.subarray(0, -1), /ca must be certificates and nothing else/],
    ["DER with something behind it", Buffer.concat([both, Buffer.of(1)]), /ca must be certificates and nothing else/],
  ] as const) {
    test(`${what} ${reason ? "is refused" : "is none"}`, () => {
      if (reason) assert.throws(() => ca(value), reason);
      else assert.equal(ca(value), undefined);
    });
  }
});

describe("a client's key", () => {
  test("RSA in PKCS #8", () => {
    const { clientKey } = secureOptions({ cert: text, key: RSA }) as { clientKey: Uint8Array };
    assert.equal(clientKey[0], 0x30);
  });

  for (const [what, wrong] of [
    ["RSA in PKCS #1", key("rsa", "pkcs1")],
    ["EC", key("ec", "pkcs8")],
    ["EC in SEC 1", key("ec", "sec1")],
  ] as const) {
    test(`${what} is refused, and not shown`, () => {
      assert.throws(
        () => secureOptions({ cert: text, key: wrong }),
        (error: Error) => /^key must be /.test(error.message) && !error.message.includes(wrong.slice(40, 60)),
      );
    });
  }
});

describe("sockets under TLS", () => {
  const records = (...list: [number, number][]) =>
    Buffer.concat(list.map(([type, length]) => record(Buffer.alloc(length, 23), type)));

  /** Reads `bytes` in pieces of at most `size`, as the SDK's session would; what is thrown there, and the counts told. */
  function reading(bytes: Buffer, size: number, counts: number[] = []): unknown {
    let rest = bytes;
    let broken: unknown;
    class Socket {
      private readonly options: { onReadable(count: number): void };
      constructor(options: { onReadable(count: number): void }) {
        this.options = options;
      }
      read(into: Uint8Array) {
        into.set(rest.subarray(0, into.length));
        rest = rest.subarray(into.length);
      }
      write() {
        return 0;
      }
      arrive() {
        this.options.onReadable(rest.length);
      }
    }
    const socket = new (guarded(Socket as unknown as SocketClass))({
      onReadable(count) {
        counts.push(count);
        for (let left = count; left > 0; left -= size) socket.read(new Uint8Array(Math.min(size, left)));
      },
      onWritable() {},
      onBroken(error) {
        broken = error;
      },
    }) as unknown as Socket;
    socket.arrive();
    return broken;
  }

  for (const size of [1, 3, 5, 1000]) {
    test(`let no data in before there are keys, in pieces of ${size}`, () => {
      assert.equal(reading(records([22, 300], [22, 0], [20, 1], [23, 40], [23, 4]), size), undefined);
      assert.match(String(reading(records([22, 300], [23, 40]), size)), /data in the clear/);
      assert.match(String(reading(records([22, 0], [22, 1], [23, 4]), size)), /data in the clear/);
      assert.match(String(reading(records([23, 4]), size)), /data in the clear/);
    });
  }

  test("tell the TLS socket of one record at a time, head and body", () => {
    const counts: number[] = [];
    assert.equal(reading(records([20, 1], [23, 40], [21, 2], [22, 0]), 1000, counts), undefined);
    assert.deepEqual(counts, [5, 1, 5, 40, 5, 2, 5]);
  });
});
