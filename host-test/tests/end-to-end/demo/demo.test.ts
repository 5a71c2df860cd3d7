// The main job as a user starts it: `npm start` with its options, as a process, on both engines, against the local
// platform and Mosquitto. What it prints and how it ends.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { DEVICE, startTestPlatform } from "../../harness/platform/testing.ts";
import { makeFolder, writeFile } from "../../support/folder.ts";
import { listen } from "../../support/listen.ts";
import { outputOf, Program } from "../../support/program.ts";
import { freePort, Mosquitto, withoutMosquitto } from "../broker/mosquitto.ts";

const MAIN = fileURLToPath(new URL("../../../harness/demo/main.ts", import.meta.url));
const folder = makeFolder();

function start(...args: string[]): Program {
  return new Program(process.execPath, ["--import", "tsx", MAIN, ...args], {
    env: { ...process.env, INIT_CWD: folder },
  });
}

function config(name: string, ...lines: string[]): string {
  writeFile(folder, name, ["[device]", ...lines].join("\n"));
  return name;
}

const IDENTITY = ["org=abc123", "type=thermo", "id=t-02", "auth-method=token"];

for (const engine of ["node", "xs"]) {
  describe(`npm start, device on ${engine}`, () => {
    test("shows events and both commands at a glance and ends with 0", async () => {
      const out = await outputOf(start("--engine", engine, "--events", "2").ended);
      const time = "^\\d\\d:\\d\\d:\\d\\d\\.\\d{3} +";
      const payload = '\\{"name":"foo","cpu":[\\d.]+,"mem":[\\d.]+\\}$';
      for (const line of [
        `device +connected +d:abc123:thermo:t-01$`,
        `device +→ event +status +json +QoS 1 +${payload}`,
        `app +← event +status +json +QoS 1 +${payload}`,
        `app +→ command +print +json +QoS 1 +\\{"message":"Hello from the application"\\}$`,
        `device +← command +print +json +\\{"message":"Hello from the application"\\}$`,
        `device +handled +print +Hello from the application$`,
        `device +handled +setInterval +one event every 0.5 s$`,
        `platform +disconnect +d:abc123:thermo:t-01 sent DISCONNECT$`,
      ]) {
        assert.match(out, new RegExp(time + line, "m"));
      }
    });

    test("--managed: an operator restarts the device and updates it, and it ends with 0", async () => {
      const out = await outputOf(start("--engine", engine, "--events", "2", "--managed").ended);
      for (const line of [
        "device +← operator +reboot$",
        "app +← done +reboot ",
        "device +firmware +2.0.0 is downloaded$",
        "app +← done +download ",
        "device +firmware +installs 2.0.0$",
        "app +← done +update ",
      ]) {
        assert.match(out, new RegExp(line, "m"));
      }
    });

    test("complains about a command that lacks what it needs", async () => {
      const out = await outputOf(start("--engine", engine, "--events", "5", "--qos", "2").ended);
      assert.match(out, /complaint +setInterval +Error - command is missing required information: 'interval'$/m);
      assert.match(out, /app +← event +status +json +QoS 2 /);
    });

    test("Ctrl-C disconnects cleanly", async () => {
      const program = start("--engine", engine);
      await program.printed(/app +← event/);
      const out = await outputOf(program.kill("SIGINT"));
      assert.match(out, /d:abc123:thermo:t-01 sent DISCONNECT$/m);
      assert.doesNotMatch(out, /closed without DISCONNECT/);
    });

    test("works against Mosquitto", { skip: withoutMosquitto() }, async t => {
      const broker = await Mosquitto.start();
      t.after(() => broker.close());
      const out = await outputOf(start("--engine", engine, "--broker", broker.url, "--events", "2").ended);
      assert.match(out, /device +handled +setInterval/);
      assert.match(broker.log, /Received DISCONNECT from d:abc123:thermo:t-01/);
    });
  });
}

test("a device from a file is known to the local platform", async () => {
  const file = config("device.ini", ...IDENTITY, "auth-token=k=1$(x)", "clean-session=false");
  const out = await outputOf(start("--config", file, "--events", "2").ended);
  assert.match(out, /connected +d:abc123:thermo:t-02$/m);
});

test("a Quickstart device publishes at QoS 0", async () => {
  const out = await outputOf(start("--config", config("quickstart.ini", "org=quickstart"), "--events", "1").ended);
  assert.match(out, /app +← event +status +json +QoS 0 /);
});

test("a Quickstart device with type, id and a token that no platform needs", async () => {
  const credentials = ["auth-method=token", "auth-token=x"];
  const file = config("quickstart-full.ini", "org=quickstart", "type=thermo", "id=t-03", ...credentials);
  const out = await outputOf(start("--config", file, "--events", "1").ended);
  assert.match(out, /connected +d:quickstart:thermo:t-03$/m);
});

test("it ends in silence when the reader of its output ends, as head does", async () => {
  const program = spawn(process.execPath, ["--import", "tsx", MAIN], { stdio: ["ignore", "pipe", "pipe"] });
  let err = "";
  program.stderr.on("data", text => {
    err += text;
  });
  program.stdout.once("data", () => program.stdout.destroy());
  const [code] = await once(program, "close");
  assert.deepEqual([code, err], [0, ""]);
});

test("a refused token ends it with the code and its meaning, and is not printed", async t => {
  const platform = await startTestPlatform(t, { devices: [{ ...DEVICE, id: "t-02", token: "right" }] });
  const where = [`host=127.0.0.1`, `port=${platform.port}`, "tls=false"];
  const file = config("wrong.ini", ...IDENTITY, "auth-token=wr0ng-secret", ...where);
  const { code, out, err } = await start("--config", file).ended;
  assert.equal(code, 1);
  assert.match(err, /^npm start: refused with CONNACK code 5: not authorized$/m);
  assert.doesNotMatch(out + err, /wr0ng-secret/);
});

test("an unreachable broker is named, tried again, and with --events given up", async () => {
  const port = await freePort();
  const args = ["--broker", `mqtt://127.0.0.1:${port}`, "--events", "1", "--timeout", "3"];
  const { code, out, err } = await start(...args).ended;
  assert.equal(code, 1);
  assert.ok(
    (out.match(new RegExp(`cannot reach 127.0.0.1:${port}: .*ECONNREFUSED.*; the client retries`, "g")) ?? []).length >
      1,
  );
  assert.match(err, /^npm start: no event for 3 s; received 0 of 1$/m);
});

test("a broker that never answers does not keep it from ending", async t => {
  const { port } = await listen(createServer(), t);
  const { code } = await start("--broker", `mqtt://127.0.0.1:${port}`, "--events", "1", "--timeout", "2").ended;
  assert.equal(code, 1);
});

for (const [what, args, message] of [
  ["an unknown option", ["--evnets", "3"], /^npm start: unknown option --evnets$/],
  [
    "a missing file",
    ["--config", "none.ini"],
    /^npm start: Error reading device configuration file '.*none\.ini' \(ENOENT\)$/,
  ],
  [
    "an unknown key in the file",
    ["--config", config("key.ini", "orgg=x")],
    /^npm start: .*key\.ini:2: unknown key orgg/,
  ],
  ["a wrong count", ["--events", "none"], /^npm start: --events must be a whole number 1\.\.1000000, not 'none'$/],
  ["a negative count", ["--events", "-1"], /^npm start: --events must be a whole number 1\.\.1000000, not '-1'$/],
  [
    "a broker with TLS",
    ["--broker", "mqtts://localhost"],
    /^npm start: --broker takes mqtt:\/\/host:port, without TLS; for TLS, .*: --config FILE$/,
  ],
  [
    "--managed with another broker",
    ["--managed", "--broker", "mqtt://localhost"],
    /^npm start: --managed needs the local platform: leave out --broker$/,
  ],
  [
    "--managed for Quickstart",
    ["--managed", "--config", config("managed.ini", "org=quickstart")],
    /^npm start: --managed needs a registered device on the local platform$/,
  ],
  ["a wrong QoS", ["--qos", "3"], /^npm start: --qos must be one of 0, 1, 2, not '3'$/],
  [
    "a wrong broker",
    ["--broker", "localhost"],
    /^npm start: --broker must be mqtt:\/\/host:port or mqtts:\/\/host:port, not 'localhost'$/,
  ],
  [
    "QoS 1 for Quickstart",
    ["--config", config("q.ini", "org=quickstart"), "--qos", "1"],
    /Quickstart|quickstart takes QoS 0 only$/,
  ],
] as const) {
  test(`${what} takes one line and exit code 2`, async () => {
    const { code, err } = await start(...args).ended;
    assert.equal(code, 2);
    assert.match(err.trim(), message);
    assert.equal(err.trim().split("\n").length, 1);
  });
}

test("--help shows every option", async () => {
  const out = await outputOf(start("--help").ended);
  for (const option of ["--events", "--engine", "--qos", "--broker", "--config", "--timeout", "--help"]) {
    assert.ok(out.includes(option), option);
  }
});
