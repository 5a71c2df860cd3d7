// NEEDS dist/ (npm run build). On Node the environment cannot turn the check of the server off, and ca in DER, as a
// device takes it, works too.

import assert from "node:assert/strict";
import { env } from "node:process";
import { after, describe, test } from "node:test";
import { HttpClient } from "../../../../dist/http-node.js";
import { DeviceClient, type DeviceOptions } from "../../../../dist/node.js";
import { withIssuer } from "../../contract/certificates.ts";
import { IDENTITY } from "../../support/identity.ts";
import { Listener } from "./servers.ts";

const TOKEN = "a token that nobody may hear";
const { root, other, server, forged } = withIssuer(issue => {
  const extensions = ["basicConstraints=CA:TRUE"];
  const names = ["subjectAltName=IP:127.0.0.1"];
  const root = issue({ name: "root", keyNumber: 1, extensions });
  return {
    root,
    other: issue({ name: "other", keyNumber: 2, extensions }),
    server: issue({ name: "server", by: root, extensions: names }),
    forged: issue({ name: "server", extensions: names }),
  };
});

const options = (port: number, ca: string | Uint8Array): DeviceOptions => ({
  ...IDENTITY,
  "auth-token": TOKEN,
  ...{ host: "127.0.0.1", port, tls: true, ca },
});

/** "connected", or why not. */
function connecting(port: number, ca: string | Uint8Array): Promise<string> {
  return new Promise(resolve => {
    const client = new DeviceClient(options(port, ca));
    const end = (outcome: string) => {
      resolve(outcome);
      client.disconnect();
    };
    client.connectedCallback = () => end("connected");
    client.disconnectedCallback = reason => end(String(reason?.message));
    client.connect();
  });
}

describe("NODE_TLS_REJECT_UNAUTHORIZED=0", () => {
  const before = env.NODE_TLS_REJECT_UNAUTHORIZED;
  after(() => {
    if (before === undefined) delete env.NODE_TLS_REJECT_UNAUTHORIZED;
    else env.NODE_TLS_REJECT_UNAUTHORIZED = before;
  });

  test("a self-signed server hears nothing of the token, by MQTT or HTTP", async () => {
    env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    const listener = await Listener.tls({ cert: forged.pem, key: forged.key });
    try {
      assert.match(await connecting(listener.port, root.pem), /self-signed|certificate/);
      const error = await new Promise<Error | undefined>(resolve => {
        new HttpClient(options(listener.port, root.pem)).publishEvent("status", "json", {}, resolve);
      });
      assert.match(String(error?.message), /self-signed|certificate/);
      assert.deepEqual(listener.heard, []);
    } finally {
      listener.close();
    }
  });
});

describe("ca", () => {
  for (const [what, ca] of [
    ["one in PEM", root.pem],
    ["two in PEM", other.pem + root.pem],
    ["PEM in bytes", Buffer.from(other.pem + root.pem)],
    ["one in DER", root.der],
    ["two in DER, one behind the other", Buffer.concat([other.der, root.der])],
  ] as const) {
    test(what, async () => {
      const listener = await Listener.tls({ cert: server.pem, key: server.key });
      try {
        assert.equal(await connecting(listener.port, ca), "connected");
      } finally {
        listener.close();
      }
    });
  }
});
