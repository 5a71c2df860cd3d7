// `iotf-embedded update`: image server, signature, requests to the platform, progress; a device in this process downloads
// over real sockets. The platform of these tests knows nothing but the two actions.

import assert from "node:assert/strict";
import { generateKeyPairSync, verify } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { privateKey, publicDer, publicKey } from "../../../targets/esp32/firmware-key.ts";
import { ImageServer } from "../../harness/update/image-server.ts";
import { Progress } from "../../harness/update/progress.ts";
import { sealFirmware } from "../../harness/update/seal.ts";
import { Run } from "../harness/cli/testing.ts";
import { makeFolder, writeFile } from "../support/folder.ts";
import { listen } from "../support/listen.ts";
import { NEXT, OLD } from "./files.ts";
import { NodeDevice } from "./node-device.ts";

const LOOPBACK = "127.0.0.1";
const CREDENTIALS = ["--api-key", "a-abc123-key", "--api-token", "operator-token"];

const folder = makeFolder();

interface Started {
  action: string;
  parameters: Record<string, string>;
  devices: { typeId: string; deviceId: string }[];
  authorization: string;
}

type Act = (started: Started) => Promise<{ status: unknown; message?: string }>;

/** The two paths of the REST API that the command uses. */
class Operator {
  readonly started: Started[] = [];
  close!: () => void;
  private readonly server: Server;
  private results: { complete: boolean; status?: unknown; message?: string }[] = [];

  constructor(act: Act) {
    this.server = createServer(async (incoming, response) => {
      const answer = (status: number, body: unknown) =>
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      if (incoming.method === "GET") {
        assert.equal(incoming.url, "/api/v0002/mgmt/requests/r-1/deviceStatus");
        return void answer(200, { results: this.results });
      }
      assert.equal(incoming.url, "/api/v0002/mgmt/requests");
      let text = "";
      for await (const part of incoming) text += part;
      const { action, parameters, devices } = JSON.parse(text);
      const named = Object.fromEntries(
        parameters.map(({ name, value }: { name: string; value: string }) => [name, value]),
      );
      const started = { action, parameters: named, devices, authorization: incoming.headers.authorization ?? "" };
      this.started.push(started);
      this.results = [{ complete: false }];
      void act(started).then(result => {
        this.results = [{ complete: true, ...result }];
      });
      answer(202, { reqId: "r-1" });
    });
  }

  async open(): Promise<string> {
    const { port, close } = await listen(this.server);
    this.close = close;
    return `mqtt://${LOOPBACK}:${port}`;
  }
}

describe("the whole update", () => {
  const image = writeFile(folder, "xs_esp32.bin", NEXT.image);
  const key = join(folder, "key.pem");
  const FILES = [image, "--key", key, "--host", LOOPBACK, ...CREDENTIALS];
  let device: NodeDevice;

  beforeEach(() => {
    device = new NodeDevice(new Uint8Array(publicDer(privateKey(key).key)), OLD.image);
    device.start(OLD.version);
  });

  /** What a managed device and the platform do with the two actions. */
  const act: Act = ({ action, parameters }) =>
    new Promise(resolve => {
      const firmware = { ...parameters, state: 0, updateStatus: 0 } as const;
      const done = (status: number, message = "") => resolve({ status: status ? "failed" : "done", message });
      const listener = { progress: () => {}, done };
      device.restarted = () => {
        device.start(parameters.version ?? NEXT.version);
        device.installer.confirm();
        done(0);
      };
      if (action === "firmware/download") device.installer.download(firmware, listener);
      else device.installer.update(firmware, listener);
    });

  async function updated(operator: Operator, args: string[], tty = false): Promise<Run> {
    const url = await operator.open();
    const run = new Run(["update", "thermo:t-01", ...args, "--url", url], { tty });
    try {
      await run.code;
    } finally {
      operator.close();
    }
    return run;
  }

  test("the device downloads, restarts, stays; the platform hears two actions", async () => {
    const operator = new Operator(act);
    const run = await updated(operator, [...FILES, "--version", NEXT.version]);
    assert.equal(run.err, "");
    assert.equal(await run.code, 0);
    assert.match(run.out, /^8892 bytes, SHA-256 [0-9a-f]{64}\nserving on http:\/\/127\.0\.0\.1:\d+\n/);
    assert.match(run.out, /downloaded and verified; update and restart …\nthermo:t-01 runs 1\.10\.0\n$/);
    assert.equal(device.hardware.running, 1);
    assert.deepEqual(device.hardware.slots[1]!.slice(0, NEXT.image.length), NEXT.image);
    const [download, update] = operator.started;
    const devices = [{ typeId: "thermo", deviceId: "t-01" }];
    const authorization = `Basic ${Buffer.from("a-abc123-key:operator-token").toString("base64")}`;
    const { uri, verifier, ...named } = download!.parameters;
    assert.match(uri!, /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/firmware$/);
    assert.match(verifier!, /^[0-9a-f]{64}$/);
    assert.deepEqual(named, { version: NEXT.version, name: "firmware" });
    assert.deepEqual(
      { ...download, parameters: {} },
      { action: "firmware/download", parameters: {}, devices, authorization },
    );
    assert.deepEqual(update, { action: "firmware/update", parameters: {}, devices, authorization });
    await assert.rejects(fetch(uri!), "the image is served no longer");
  });

  test("the signed manifest names the device", async () => {
    let file = new Uint8Array();
    const operator = new Operator(async ({ action, parameters }) => {
      if (action === "firmware/download") file = new Uint8Array(await (await fetch(parameters.uri!)).arrayBuffer());
      return { status: "done" };
    });
    const run = await updated(operator, [...FILES, "--version", "2.0"]);
    await run.succeeds();
    const [length, signatureLength] = [Buffer.from(file).readUInt16BE(8), Buffer.from(file).readUInt16BE(10)];
    const manifest = Buffer.from(file.subarray(12, 12 + length));
    const { type, id, version, size } = JSON.parse(manifest.toString());
    assert.deepEqual([type, id, version, size], ["thermo", "t-01", "2.0", NEXT.image.length]);
    const signature = file.subarray(12 + length, 12 + length + signatureLength);
    const signed = Buffer.concat([Buffer.from("IOTFUPD1"), manifest]);
    assert.ok(verify("sha256", signed, publicKey(key), signature));
  });

  test("the image is served until the end of the download only", async () => {
    const served: boolean[] = [];
    let uri = "";
    const operator = new Operator(async ({ parameters }) => {
      uri = parameters.uri ?? uri;
      served.push((await fetch(uri, { method: "HEAD" }).catch(() => undefined)) !== undefined);
      return { status: "done" };
    });
    const run = await updated(operator, [...FILES, "--version", "2.0"]);
    await run.succeeds();
    assert.deepEqual(served, [true, false]);
  });

  test("--public-host: the device gets it, the server listens on --host", async () => {
    for (const host of ["pc.example.com", "2001:db8::1"]) {
      const operator = new Operator(() => Promise.resolve({ status: 2 }));
      const where = ["--host", "0.0.0.0", "--public-host", host];
      const run = await updated(operator, [image, "--key", key, "--version", "2.0", ...where]);
      const [, origin] = /^serving on (.*)$/m.exec(run.out) ?? [];
      assert.match(origin!, RegExp(`^http://${host.includes(":") ? `\\[${host}\\]` : host}:\\d+$`));
      assert.ok(operator.started[0]!.parameters.uri!.startsWith(`${origin}/`));
    }
  });

  test("without a device: the manifest has no id", () => {
    assert.equal("id" in sealFirmware(NEXT.image, "thermo", "2.0", undefined).manifest, false);
  });

  test("the device refuses an older version: exit code 1, with its reason", async () => {
    const run = await updated(new Operator(act), [...FILES, "--version", "1.1.0"]);
    assert.deepEqual(
      [await run.code, run.err],
      [1, "iotf-embedded update: firmware/download failed: firmware 1.1.0 is not newer than 1.2.0\n"],
    );
  });

  test("the device does not have this key", async () => {
    const other = join(folder, "other.pem");
    privateKey(other);
    const run = await updated(new Operator(act), [image, "--key", other, "--host", LOOPBACK, "--version", "2.0"]);
    assert.deepEqual(
      [await run.code, run.err],
      [1, "iotf-embedded update: firmware/download failed: the signature is not by the key of this device\n"],
    );
  });

  test("no such key: exit code 2, and none is made", async () => {
    const none = join(folder, "none.pem");
    const run = new Run(["update", "thermo:t-01", image, "--key", none, "--host", LOOPBACK, "--version", "2"]);
    assert.equal(await run.code, 2);
    const way = `npm run flash -- … --firmware-key ${none} makes it`;
    assert.equal(run.err, `iotf-embedded update: no such key '${none}'; ${way}\n`);
    assert.equal(existsSync(none), false);
  });

  test("an error of the platform, and one that is not there", async () => {
    const operator = new Operator(() => Promise.resolve({ status: 2, message: "no such \x1b[2Jthing" }));
    const run = await updated(operator, [...FILES, "--version", "2.0"]);
    assert.equal(run.err, "iotf-embedded update: firmware/download 2: no such ·[2Jthing\n");
    await new Run(["update", "thermo:t-01", ...FILES, "--version", "2.0", "--url", "mqtt://127.0.0.1:1"]).fails(
      /^iotf-embedded update: http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/,
    );
  });

  test("Ctrl-C: ends, and serves the image no longer", async () => {
    const operator = new Operator(() => new Promise(() => {}));
    const url = await operator.open();
    const run = new Run(["update", "thermo:t-01", ...FILES, "--version", "2.0", "--url", url]);
    await run.printed(/SHA-256/);
    assert.equal(await run.interrupt(), 1);
    const way = "'iotf-embedded manage thermo:t-01 firmware-update' installs it";
    assert.equal(run.err, `iotf-embedded update: interrupted; if the device has downloaded an image, ${way}\n`);
    operator.close();
  });

  test("no version: exit code 2", async () => {
    await new Run(["update", "thermo:t-01", ...FILES]).fails(/--version must be 1 to 4 numbers with dots, not ''/, 2);
  });

  const WRONG: [string, string[], RegExp][] = [
    ["a version that is none", [...FILES, "--version", "1.0-beta"], /not '1\.0-beta'/],
    ["a host that is no address", [image, "--host", "my-pc"], /must be an IP address of this PC, not 'my-pc'/],
    ...["0.0.0.0", "::", "0:0::0"].map((host): [string, string[], RegExp] => [
      `--host ${host}`,
      [image, "--host", host],
      RegExp(`no device can reach ${host}: name the address of this PC with --public-host`),
    ]),
    [
      "an address with a zone",
      [image, "--host", "fe80::1%eth0"],
      /--host must be an address that the device can reach, not 'fe80::1%eth0'/,
    ],
    [
      "a public host that is none",
      [image, "--host", LOOPBACK, "--public-host", "my_pc/x"],
      /--public-host must be an address that the device can reach, not 'my_pc\/x'/,
    ],
    [
      "an address of this PC only, and the platform elsewhere",
      [image, "--host", LOOPBACK, "--url", "mqtt://192.0.2.1"],
      /a device cannot reach 127\.0\.0\.1: name an address of this PC in its network with --host/,
    ],
    ["no such image", ["nowhere.bin", "--host", LOOPBACK], /cannot read the image 'nowhere\.bin' \(ENOENT\)/],
    ["no image", [key, "--host", LOOPBACK], /key\.pem' is not an image of an ESP32/],
    ["a key that is none", [image, "--key", image, "--host", LOOPBACK], /cannot read the key .*\(not a key in PEM/],
    ["no image at all", [], /a device and an image are needed/],
  ];
  for (const [name, args, message] of WRONG) {
    test(`${name}: exit code 2`, async () => {
      await new Run(["update", "thermo:t-01", "--version", "2", ...args]).fails(message, 2);
    });
  }
});

test("keys: made once, read again, public ones too; others are refused", () => {
  const path = join(folder, "made.pem");
  const { key, made } = privateKey(path);
  assert.equal(made, true);
  assert.deepEqual(privateKey(path).made, false);
  assert.deepEqual(publicDer(publicKey(path)), publicDer(key));
  const pem = (type: "rsa" | "ec" | "ed25519", options: object) => {
    const file = join(folder, `${type}.pem`);
    const pair = generateKeyPairSync(type as "rsa", options as { modulusLength: number });
    writeFileSync(file, pair.publicKey.export({ type: "spki", format: "pem" }));
    return file;
  };
  assert.equal(publicKey(pem("rsa", { modulusLength: 2048 })).asymmetricKeyType, "rsa");
  assert.throws(
    () => publicKey(pem("rsa", { modulusLength: 1024 })),
    /must be EC on P-256 or P-384, or RSA of 2048 to 4096 bits/,
  );
  assert.throws(() => publicKey(pem("ec", { namedCurve: "secp256k1" })), /must be EC on P-256/);
  assert.throws(() => publicKey(pem("ed25519", {})), /must be EC on P-256/);
  assert.throws(() => publicKey(join(folder, "none.pem")), /cannot read the key '.*none\.pem' \(ENOENT\)/);
  assert.throws(() => privateKey(join(folder, "no/such/folder.pem")), /cannot write the key '.*' \(ENOENT\)/);
  assert.equal(existsSync(join(folder, "no")), false);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.match(readFileSync(path, "utf8"), /BEGIN PRIVATE KEY/);
});

describe("the image server", () => {
  const FILE = new Uint8Array(100).map((_, at) => at);
  let server: ImageServer;
  let etag: string;
  before(async () => {
    server = await ImageServer.open(FILE, { host: LOOPBACK });
    etag = (await fetch(server.uri)).headers.get("etag")!;
  });
  after(() => server.close());

  const RANGES: [string, number, [number, number]][] = [
    ["bytes=0-", 206, [0, 99]],
    ["bytes=40-", 206, [40, 99]],
    ["bytes=40-49", 206, [40, 49]],
    ["bytes=40-1000", 206, [40, 99]],
    ["bytes=-10", 206, [90, 99]],
    ["bytes=-1000", 206, [0, 99]],
    ["bytes=99-", 206, [99, 99]],
    ["bytes=100-", 416, [0, -1]],
    ["bytes=-0", 416, [0, -1]],
    ["bytes=9-8", 200, [0, 99]],
    ["bytes=0-1,5-6", 200, [0, 99]],
    ["bytes=-", 200, [0, 99]],
    ["lines=1-2", 200, [0, 99]],
  ];
  for (const [range, status, [from, to]] of RANGES) {
    test(`range ${range}: ${status}`, async () => {
      const response = await fetch(server.uri, { headers: { range } });
      const body = new Uint8Array(await response.arrayBuffer());
      const told = response.headers.get("content-range");
      assert.equal(response.status, status);
      assert.deepEqual(body, FILE.slice(from, to + 1));
      assert.equal(told, status === 206 ? `bytes ${from}-${to}/100` : status === 416 ? "bytes */100" : null);
    });
  }

  test("If-Range: the rest with the right tag, the whole with another", async () => {
    const get = async (tag: string) =>
      (await fetch(server.uri, { headers: { range: "bytes=40-", "if-range": tag } })).status;
    assert.deepEqual([await get(etag), await get('"other"')], [206, 200]);
  });

  test("HEAD, another method, another path", async () => {
    const head = await fetch(server.uri, { method: "HEAD" });
    assert.deepEqual([head.status, head.headers.get("content-length"), await head.text()], [200, "100", ""]);
    assert.equal((await fetch(server.uri, { method: "POST" })).status, 405);
    assert.equal((await fetch(server.uri.replace(/[0-9a-f]{32}/, "0".repeat(32)))).status, 404);
  });

  test("tells what was sent", async () => {
    const told = new Promise<number>(resolve => {
      server.sentCallback = bytes => bytes === 100 && resolve(bytes);
    });
    request(server.uri, { headers: { range: "bytes=40-", connection: "close" } }, response => response.resume()).end();
    assert.equal(await told, 100);
  });

  test("other files have other tags and paths", async () => {
    const other = await ImageServer.open(FILE.slice(1), { host: LOOPBACK });
    assert.notEqual((await fetch(other.uri)).headers.get("etag"), etag);
    assert.notEqual(new URL(other.uri).pathname, new URL(server.uri).pathname);
    await other.close();
  });
});

test("the progress bar: redrawn on a terminal, a line for each 10 % elsewhere", () => {
  const drawn = (isTTY: boolean) => {
    let text = "";
    const write = (part: string) => {
      text += part;
    };
    const stdout = { isTTY, write };
    const progress = new Progress(stdout as never, "download");
    for (const percent of [0, 4, 4, 55, 100]) progress.show(percent);
    progress.end();
    progress.show(50);
    return text;
  };
  assert.equal(drawn(false), "download 0 %\ndownload 50 %\ndownload 100 %\n");
  const bar = drawn(true);
  assert.equal(bar.split("\r").length, 5);
  assert.ok(bar.endsWith(`\rdownload [${"#".repeat(30)}] 100 %\n`), "nothing behind the end");
});
