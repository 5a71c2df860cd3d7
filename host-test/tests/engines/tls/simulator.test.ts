// The device's TLS in the SDK's simulator, with its cryptography and its handshake: every chain of chains.ts, and servers
// that pose as another one without its key. None of these may hear a byte of the token. Skipped, aloud, without an SDK.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Issued, pemOf, type Wish, withIssuer } from "../../contract/certificates.ts";
import { makeFolder } from "../../support/folder.ts";
import { copyOf, mcconfig, Simulator, withoutModdable } from "../moddable/simulator.ts";
import { makeCases } from "./chains.ts";
import { inTheClear, Listener, sends, withoutCertificate, withoutKey } from "./servers.ts";

const skip = withoutModdable();
if (skip) console.log(`host-test/tests/engines/tls: ${skip}`);
const PROGRAM = fileURLToPath(new URL("program", import.meta.url));
const NAME = "broker.example.com";
const TOKEN = "a token that nobody may hear";
const CLIENT_HELLO_ONLY = [22];

interface Trial {
  what: string;
  server: Listener;
  /** Of the program: see program/main.js. */
  name: string;
  ca: readonly Buffer[];
  cert?: string;
  key?: string;
  /** undefined: connects. */
  refusal?: RegExp;
  /** Types of TLS records that the server may get. */
  records?: readonly number[];
  /** What the server says of the connection. */
  spoken?: RegExp;
}

/** Servers of chains.ts. */
async function trialsOfChains(): Promise<Trial[]> {
  return Promise.all(
    makeCases().map(async ({ what, chain, key, ca, name, refusal, raw, handshake }) => {
      const cert = pemOf(chain);
      const server = raw ? await sends(chain) : await Listener.tls({ cert, key, ciphers: "DEFAULT@SECLEVEL=0" });
      const told = handshake ?? (refusal && new RegExp(`certificate: .*(${refusal.source})`));
      return { what, server, name, ca, ...(told && { refusal: told }) };
    }),
  );
}

async function trialsOfHandshakes(issue: (wish: Wish) => Issued): Promise<Trial[]> {
  const authority = ["basicConstraints=critical,CA:TRUE"];
  const root = issue({ name: "root", keyNumber: 1, extensions: authority });
  const names = [`subjectAltName=DNS:${NAME}`];
  const server = issue({ name: "server", by: root, extensions: names });
  const curve = issue({ name: "curve", by: root, keyType: "p256", extensions: names });
  const signing = issue({ name: "signing", by: root, extensions: [...names, "keyUsage=digitalSignature"] });
  const sealing = issue({ name: "sealing", by: root, extensions: [...names, "keyUsage=keyEncipherment"] });
  const client = issue({ name: "client", by: root, extensions: ["extendedKeyUsage=clientAuth"], keyNumber: 5 });

  const trials: Trial[] = [];
  const add = (what: string, server: Listener, more: Partial<Trial> = {}) => {
    trials.push({ what, server, name: NAME, ca: [root.der], ...more });
  };
  const real = (options: object) => Listener.tls({ cert: server.pem, key: server.key, ...options });
  const proof = /certificate: the server did not prove that it has its key/;
  const refused = (refusal: RegExp) => ({ refusal, records: CLIENT_HELLO_ONLY });
  const noise = (length: number) => randomBytes(length);

  for (const [ciphers, spoken] of [
    ["ECDHE-RSA-AES128-GCM-SHA256", /ECDHE-RSA-AES128-GCM/],
    ["ECDHE-RSA-AES128-SHA256", /ECDHE-RSA-AES128-SHA256/],
    ["AES128-SHA256", / AES128-SHA256/],
    ["AES256-SHA256", / AES256-SHA256/],
    ["AES128-SHA:AES256-SHA", / AES128-SHA$/],
  ] as const) {
    add(`suite ${ciphers}`, await real({ ciphers }), { spoken });
  }
  add("the client's order: ECDHE first", await real({ ciphers: "ALL", honorCipherOrder: false }), {
    spoken: /ECDHE-RSA/,
  });
  add("ECDSA", await real({ cert: curve.pem, key: curve.key }), { spoken: /ECDHE-ECDSA/ });
  const dhe = await real({ ciphers: "DHE-RSA-AES128-GCM-SHA256", dhparam: "auto" });
  add("DHE only", dhe, { refusal: /alert: 2, 40/ });
  add("RSA with a key for signatures", await real({ cert: signing.pem, key: signing.key, ciphers: "AES128-SHA256" }), {
    refusal: /certificate: its key is not for encryption/,
  });
  add("ECDHE with a key for encryption", await real({ cert: sealing.pem, key: sealing.key, ciphers: "ECDHE" }), {
    refusal: /certificate: its key is not for signatures/,
  });
  const asks = { requestCert: true, ca: root.pem };
  add("a client's certificate", await real(asks), { cert: client.pem, key: client.key, spoken: / client$/ });
  add("none where one is asked for", await real({ ...asks, rejectUnauthorized: false }), { spoken: /SHA256$/ });
  add("a client's key that is not RSA", await real(asks), {
    ...{ cert: curve.pem, key: curve.key },
    refusal: /key must be an RSA key in PKCS #8/,
  });
  add("PEM that is cut off", await real({}), {
    ...{ cert: client.pem.slice(0, -30), key: client.key },
    refusal: /cert must be DER, or PEM with BEGIN CERTIFICATE/,
  });

  const chain = [server.der];
  const without = (hash: number, kind: number, signature: Buffer) =>
    withoutKey(chain, () => ({ hash, kind, signature }));
  add("key exchange not signed", await without(0, 0, Buffer.alloc(0)), refused(/not signed with SHA-256/));
  add("signed with no hash", await without(0, 1, noise(256)), refused(/not signed with SHA-256/));
  add("signed with an unknown hash", await without(9, 1, noise(256)), refused(/not signed with SHA-256/));
  add("signed with SHA-1", await without(2, 1, noise(256)), refused(/not signed with SHA-256/));
  add("signed with a kind that is none", await without(4, 0, noise(256)), refused(proof));
  add("signed with an unknown kind", await without(4, 7, noise(64)), refused(proof));
  add("signed with noise", await without(4, 1, noise(256)), refused(proof));
  add("signed with nothing", await without(4, 1, Buffer.alloc(0)), refused(proof));
  add("ECDSA for an RSA key", await without(4, 3, noise(70)), refused(proof));
  const zeros = Buffer.of(0x30, 6, 2, 1, 0, 2, 1, 0);
  add(
    "ECDSA with r = s = 0",
    await withoutKey([curve.der], () => ({ hash: 4, kind: 3, signature: zeros })),
    refused(/certificate: /),
  );
  add("no certificate, ECDHE", await withoutCertificate("ECDHE"), refused(/certificate: the server sent none/));
  add("no certificate, RSA", await withoutCertificate("RSA"), refused(/certificate: the server sent none/));
  add("an empty list of certificates", await sends([]), refused(/certificate: the server sent none/));
  add("data in the clear", await inTheClear(chain), { refusal: /TLS: data in the clear/, records: [22, 22, 20, 22] });
  return trials;
}

describe("TLS in the simulator", { skip, timeout: 600_000 }, () => {
  const work = makeFolder();

  for (const [what, make] of [
    ["chains", trialsOfChains],
    ["handshakes", () => withIssuer(trialsOfHandshakes)],
  ] as const) {
    test(what, async t => {
      const trials = await make();
      const cases = trials.map(({ server, name, ca, cert, key }) => ({
        ...{ port: server.port, name, token: TOKEN, cert, key },
        ...(ca.length ? { ca: Buffer.concat(ca).toString("base64") } : {}),
      }));
      const folder = copyOf(PROGRAM, work, { "cases/cases.json": JSON.stringify(cases) });
      const run = async (simulator: Simulator) => {
        assert.equal(await simulator.says(/^(?:all cases done|XS abort.*)$/, { timeoutMs: 200_000 }), "all cases done");
        const said = new Map<number, string>();
        for (const line of simulator.console.lines) {
          const [, number, outcome] = /^case (\d+): (.*)$/.exec(line) ?? [];
          if (number) said.set(Number(number), outcome!);
        }
        for (const [i, trial] of trials.entries()) {
          await t.test(trial.what, () => verdict(trial, said.get(i)));
        }
      };
      try {
        await Simulator.run(await mcconfig(folder), run);
      } finally {
        for (const { server } of trials) server.close();
      }
    });
  }
});

function verdict({ server, refusal, records, spoken }: Trial, outcome: string | undefined): void {
  if (refusal) {
    assert.match(outcome ?? "nothing said", refusal);
    assert.deepEqual(server.heard, []);
    assert.equal(server.everything.includes(TOKEN), false);
  } else {
    assert.equal(outcome, "connected");
    assert.equal(server.everything.includes(TOKEN), true);
  }
  if (records) assert.deepEqual(server.records, records);
  if (spoken) assert.match(server.spoken, spoken);
}
