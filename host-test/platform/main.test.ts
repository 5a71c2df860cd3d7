// Does `npm run platform` work as a program: what it prints, how it stops, which exit code it leaves?

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import mqtt from "mqtt";
import * as rig from "./testing.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

function run(t: TestContext, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, ["--import", "tsx", MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

async function output(child: ChildProcess): Promise<{ stdout: string; stderr: string; code: number }> {
  const [stdout, stderr, [code]] = await Promise.all([
    child.stdout!.toArray(),
    child.stderr!.toArray(),
    once(child, "close"),
  ]);
  return { stdout: stdout.join(""), stderr: stderr.join(""), code };
}

class Lines {
  readonly all: string[] = [];
  readonly #reader: Interface;

  constructor(child: ChildProcess) {
    this.#reader = createInterface(child.stdout!);
    this.#reader.on("line", line => this.all.push(line));
  }

  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = this.all.map(line => pattern.exec(line)).find(match => match !== null);
      if (found) return found;
      await once(this.#reader, "line");
    }
  }
}

test("it shows a device's life in readable lines, without its token, and Ctrl-C ends it cleanly", async t => {
  const { type, id, token } = rig.DEVICE;
  const child = run(t, "--port", "0", "--device", `${type}:${id}:${token}`);
  const lines = new Lines(child);
  const closed = once(child, "close");
  const [, url] = await lines.until(/listening on (mqtt:\S+)/);

  const login = { clientId: rig.CLIENT_ID, username: "use-token-auth", reconnectPeriod: 0 };
  await assert.rejects(mqtt.connectAsync(url!, { ...login, password: "WRONG-TOKEN" }), { code: 5 });
  const device = await mqtt.connectAsync(url!, { ...login, password: token });
  t.after(() => device.end(true));
  await device.subscribeAsync("iot-2/cmd/+/fmt/+", { qos: 1 });
  const application = await mqtt.connectAsync(url!, { clientId: "a:abc123:app", reconnectPeriod: 0 });
  t.after(() => application.end(true));
  await device.publishAsync("iot-2/evt/status/fmt/json", '{"cpu":60}', { qos: 1 });
  await application.publishAsync(`${rig.ON_APP}/cmd/reboot/fmt/text`, "now\u001b[31m", { qos: 2 });
  await application.endAsync();
  await lines.until(/refused +d:abc123:thermo:t-01 +CONNACK 5: not authorized/);
  await lines.until(/connect +d:abc123:thermo:t-01/);
  await lines.until(/event +d:abc123:thermo:t-01 +status json qos1 +\{"cpu":60\}/);
  await lines.until(/command +d:abc123:thermo:t-01 +reboot text qos2 +now·\[31m +from a:abc123:app/);
  await lines.until(/disconnect +a:abc123:app +0: The connection has completed normally/);

  child.kill("SIGINT");
  const [code, signal] = await closed;
  assert.deepEqual([code, signal, lines.all.at(-1)], [0, null, "closed"]);
  assert.doesNotMatch(lines.all.join("\n"), /WRONG-TOKEN|MP\$08VKz/);
});

test("--help explains every option", async t => {
  const { stdout, code } = await output(run(t, "--help"));
  assert.equal(code, 0);
  for (const option of ["--port", "--host", "--org", "--device", "--open", "--help"])
    assert.ok(stdout.includes(option));
});

test("an unknown option is named in one line, exit code 2", async t => {
  const { stdout, stderr, code } = await output(run(t, "--bogus"));
  assert.deepEqual([stdout, stderr, code], ["", "platform: unknown option --bogus\n", 2]);
});

test("a port in use is told in one line, exit code 1", async t => {
  const platform = await rig.startTestPlatform(t);
  const { stderr, code } = await output(run(t, "--port", String(platform.port)));
  assert.match(stderr, new RegExp(`^platform: cannot listen on 127\\.0\\.0\\.1:${platform.port}: .*EADDRINUSE.*\n$`));
  assert.equal(code, 1);
});
