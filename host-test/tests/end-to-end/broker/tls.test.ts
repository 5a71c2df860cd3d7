// TLS against Mosquitto, device on Node: whom it trusts, whom it refuses and how that reads, client certificates, SNI.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import { type ConnectionException, MqttClient, type TlsOptions } from "../../../../dist/node.js";
import { noOpenssl } from "../../contract/certificates.ts";
import { Authority } from "./authority.ts";
import { freePort, Mosquitto, withoutMosquitto } from "./mosquitto.ts";

/** "connected", or what the application is told when the first attempt has failed. */
function attempt(port: number, tlsOptions: TlsOptions, host = "localhost"): Promise<string> {
  const client = new MqttClient({ endpoint: { host, port, tls: tlsOptions }, clientId: "tls" });
  return new Promise(resolve => {
    const told = (text: string) => client.disconnect(() => resolve(text));
    client.connectedCallback = () => told("connected");
    client.disconnectedCallback = (reason: ConnectionException | undefined, retryMs: number) => {
      if (retryMs >= 0) told(`${reason!.code}: ${reason!.message}`);
    };
    client.connect();
  });
}

describe("TLS against Mosquitto", { skip: withoutMosquitto() || noOpenssl(), timeout: 60_000 }, () => {
  let ca: Authority;
  let otherCa: Authority;
  const brokers: Mosquitto[] = [];
  let good = 0;
  let expired = 0;
  let otherName = 0;
  let demanding = 0;

  async function broker(names: string, days: [string, string] | undefined, config: string[] = []): Promise<number> {
    const { cert, key } = ca.issue("server", { names, ...(days ? { days } : {}) });
    const port = await freePort();
    const lines = ["certfile %DIR%/cert.pem", "keyfile %DIR%/key.pem", ...config, "allow_anonymous true"];
    const files = { "cert.pem": cert, "key.pem": key, "ca.pem": ca.cert };
    brokers.push(await Mosquitto.start({ port, config: lines, files, quiet: true }));
    return port;
  }

  before(async () => {
    ca = new Authority("the right one");
    otherCa = new Authority("another");
    good = await broker("DNS:localhost,IP:127.0.0.1", undefined);
    expired = await broker("DNS:localhost", ["20200101000000Z", "20210101000000Z"]);
    otherName = await broker("DNS:broker.example", undefined);
    demanding = await broker("DNS:localhost", undefined, ["cafile %DIR%/ca.pem", "require_certificate true"]);
  });

  after(async () => {
    for (const one of brokers) await one.close();
    ca?.close();
    otherCa?.close();
  });

  test("the right authority: connected, by name and by address, from text and from bytes", async () => {
    assert.equal(await attempt(good, { ca: ca.cert }), "connected");
    assert.equal(await attempt(good, { ca: Buffer.from(ca.cert) }), "connected");
    assert.equal(await attempt(good, { ca: ca.cert }, "127.0.0.1"), "connected");
  });

  test("another authority, or none of ours: refused", async () => {
    for (const options of [{ ca: otherCa.cert }, {}]) {
      assert.match(await attempt(good, options), /^unreachable: cannot reach localhost:\d+: .*certificate/);
    }
  });

  test("the certificate of another host: refused, unless serverName says so", async () => {
    assert.match(
      await attempt(otherName, { ca: ca.cert }),
      /^unreachable: .*localhost.* is not in the cert's altnames/,
    );
    assert.equal(await attempt(otherName, { ca: ca.cert, serverName: "broker.example" }), "connected");
  });

  test("an expired certificate: refused", async () => {
    assert.match(await attempt(expired, { ca: ca.cert }), /^unreachable: cannot reach .*: certificate has expired/);
  });

  test("a broker that wants a client certificate: with ours connected, with none or another's refused", async () => {
    const mine = ca.issue("device", {});
    assert.equal(await attempt(demanding, { ca: ca.cert, ...mine }), "connected");
    assert.match(await attempt(demanding, { ca: ca.cert }), /certificate required/);
    assert.match(await attempt(demanding, { ca: ca.cert, ...otherCa.issue("device", {}) }), /unknown ca|certificate/);
  });

  test("SNI is the host, or serverName; none for an address", async () => {
    const { cert, key } = ca.issue("server", { names: "DNS:localhost,DNS:org.example,IP:127.0.0.1" });
    const names: unknown[] = [];
    const server = tls.createServer({ cert, key }, socket => {
      names.push(socket.servername);
      socket.destroy();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await attempt(port, { ca: ca.cert });
    await attempt(port, { ca: ca.cert, serverName: "org.example" });
    await attempt(port, { ca: ca.cert }, "127.0.0.1");
    server.close();
    assert.deepEqual(names, ["localhost", "org.example", false]);
  });
});
