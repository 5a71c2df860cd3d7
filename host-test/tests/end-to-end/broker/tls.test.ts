// TLS against Mosquitto, device on Node: whom it trusts, whom it refuses and how that reads, client certificates, SNI.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import { type ConnectionException, MqttClient, type TlsOptions } from "../../../../dist/node.js";
import { type Issued, noOpenssl, type Wish, withIssuer } from "../../contract/certificates.ts";
import { listen } from "../../support/listen.ts";
import { Mosquitto, withoutMosquitto } from "./mosquitto.ts";

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

const AUTHORITY = "basicConstraints=critical,CA:TRUE";

/** All of an authority that the client trusts, but `other` and `strange`. */
function makeCertificates() {
  return withIssuer(issue => {
    const make = (name: string, extension: string, more: Partial<Wish>) =>
      issue({ name, keyType: "p256", extensions: [extension], ...more });
    const authority = make("the right one", AUTHORITY, { keyNumber: 1 });
    const other = make("another", AUTHORITY, { keyNumber: 2 });
    const server = (names: string, days: readonly [number, number] = [-1, 1]) =>
      make("server", `subjectAltName=${names}`, { by: authority, days });
    const device = (by: Issued) => make("device", "subjectAltName=email:device@example", { by });
    return {
      ca: authority.pem,
      otherCa: other.pem,
      good: server("DNS:localhost,DNS:org.example,IP:127.0.0.1"),
      expired: server("DNS:localhost", [-20, -10]),
      otherName: server("DNS:broker.example"),
      device: device(authority),
      strange: device(other),
    };
  });
}

/** As the client takes it. */
const identity = ({ pem, key }: Issued) => ({ cert: pem, key });

describe("TLS against Mosquitto", { skip: withoutMosquitto() || noOpenssl(), timeout: 60_000 }, () => {
  const { ca, otherCa, ...certificates } = makeCertificates();
  const brokers: Mosquitto[] = [];
  let good = 0;
  let expired = 0;
  let otherName = 0;
  let demanding = 0;

  async function broker({ pem, key }: Issued, config: string[] = []): Promise<number> {
    const lines = ["certfile %DIR%/cert.pem", "keyfile %DIR%/key.pem", ...config, "allow_anonymous true"];
    const files = { "cert.pem": pem, "key.pem": key, "ca.pem": ca };
    const started = await Mosquitto.start({ config: lines, files, quiet: true });
    brokers.push(started);
    return started.port;
  }

  before(async () => {
    good = await broker(certificates.good);
    expired = await broker(certificates.expired);
    otherName = await broker(certificates.otherName);
    demanding = await broker(certificates.good, ["cafile %DIR%/ca.pem", "require_certificate true"]);
  });

  after(async () => {
    for (const one of brokers) await one.close();
  });

  test("the right authority: connected, by name and by address, from text and from bytes", async () => {
    assert.equal(await attempt(good, { ca }), "connected");
    assert.equal(await attempt(good, { ca: Buffer.from(ca) }), "connected");
    assert.equal(await attempt(good, { ca }, "127.0.0.1"), "connected");
  });

  test("another authority, or none of ours: refused", async () => {
    for (const options of [{ ca: otherCa }, {}]) {
      assert.match(await attempt(good, options), /^unreachable: cannot reach localhost:\d+: .*certificate/);
    }
  });

  test("the certificate of another host: refused, unless serverName says so", async () => {
    assert.match(await attempt(otherName, { ca }), /^unreachable: .*localhost.* is not in the cert's altnames/);
    assert.equal(await attempt(otherName, { ca, serverName: "broker.example" }), "connected");
  });

  test("an expired certificate: refused", async () => {
    assert.match(await attempt(expired, { ca }), /^unreachable: cannot reach .*: certificate has expired/);
  });

  test("a broker that wants a client certificate: with ours connected, with none or another's refused", async () => {
    const [mine, strange] = [identity(certificates.device), identity(certificates.strange)];
    assert.equal(await attempt(demanding, { ca, ...mine }), "connected");
    assert.match(await attempt(demanding, { ca }), /certificate required/);
    assert.match(await attempt(demanding, { ca, ...strange }), /unknown ca|certificate/);
  });

  test("SNI is the host, or serverName; none for an address", async t => {
    const names: unknown[] = [];
    const server = tls.createServer(identity(certificates.good), socket => {
      names.push(socket.servername);
      socket.destroy();
    });
    const { port } = await listen(server, t);
    await attempt(port, { ca });
    await attempt(port, { ca, serverName: "org.example" });
    await attempt(port, { ca }, "127.0.0.1");
    assert.deepEqual(names, ["localhost", "org.example", false]);
  });
});
