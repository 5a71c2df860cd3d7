// The file that `npm run espruino` makes, given to a real Espruino as its own tools give it to a board: it writes
// everything to flash, restarts, and the device program runs from there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import mqtt from "mqtt";
import { makeFiles, settingsOf, warningsOf } from "../../../../targets/espruino/build/files.ts";
import { startPlatform } from "../../../harness/platform/platform.ts";
import { makeFolder } from "../../support/folder.ts";
import { Inbox } from "../../support/inbox.ts";
import { withoutEspruino } from "./engine.ts";

/** A board's Wifi module, as far as the program knows it: the second attempt succeeds. */
const WIFI = `
var attempts = 0;
exports.on = function(event, listener) {};
exports.connect = function(ssid, options, done) {
  print("joining " + ssid + " with " + options.password);
  done(++attempts < 2 ? "no_ap_found" : null);
};
exports.getDetails = function() { return { rssi: -58 }; };
`;
const TOKEN = "MP$08VKz!8r=nR-Q*";

test("a setting that there is not is refused by its name, and no token is shown", () => {
  assert.throws(() => settingsOf(["ord=abc123"]), /^Error: unknown setting ord; there are ssid password org /);
  assert.throws(() => settingsOf([TOKEN.replace("=", "")]), /^Error: an argument is not key=value; there are /);
});

test("settings with which the device would refuse to connect are refused", () => {
  const identity = ["ssid=x", "org=abc123", "type=thermo", "id=t-01", `token=${TOKEN}`];
  assert.throws(
    () => settingsOf(identity),
    /^Error: Espruino's TLS checks no certificates.* add tls=false or port=1883/,
  );
  assert.throws(() => settingsOf([...identity, "tls=no"]), /tls must be true or false, not no$/);
  for (const more of ["tls=false", "port=1883", "unverifiedTls=true"]) settingsOf([...identity, more]);
});

test("missing ssid and a token in clear text are warned of", () => {
  const identity = ["org=abc123", "type=thermo", "id=t-01", `token=${TOKEN}`];
  assert.deepEqual(warningsOf(settingsOf([...identity, "ssid=x", "tls=false"])), []);
  assert.deepEqual(warningsOf(settingsOf([...identity, "port=1883"])), [
    "no ssid: the program does not connect the board to a Wi-Fi network",
    "port 1883 without TLS: the token is sent in clear text; set tls: false to accept that",
  ]);
});

test("the device program: from the file for the IDE to events and commands", { skip: withoutEspruino() }, async t => {
  const platform = await startPlatform({ devices: [{ org: "abc123", type: "thermo", id: "t-01", token: TOKEN }] });
  t.after(() => platform.close());
  const application = await mqtt.connectAsync(platform.url, { clientId: "a:abc123:test" });
  t.after(() => application.endAsync(true));
  const events = new Inbox<Record<string, number>>();
  application.on("message", (_, payload) => events.push(JSON.parse(String(payload))));
  await application.subscribeAsync("iot-2/type/thermo/id/t-01/evt/status/fmt/json");

  const folder = makeFolder(t);
  const identity = { org: "abc123", type: "thermo", id: "t-01", token: TOKEN, host: "127.0.0.1" };
  const given = { ...identity, ssid: "my network", password: "secret", port: String(platform.port), tls: "false" };
  await makeFiles(folder, settingsOf(Object.entries(given).map(pair => pair.join("="))));
  const upload = join(folder, "device.js");
  const wifi = `require("Storage").write("Wifi", ${JSON.stringify(WIFI)});\n`;
  writeFileSync(upload, wifi + readFileSync(upload, "utf8"));
  const child = spawn(process.env.ESPRUINO!, ["device.js"], { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
  let console = "";
  child.stdout.on("data", text => {
    console += text;
  });
  const printed = async (text: RegExp) => {
    while (!text.test(console)) await once(child.stdout, "data");
  };
  t.after(async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  });

  const { uptime, memory, rssi } = await events.next();
  assert.ok(uptime! >= 0 && memory! > 1000 && rssi === -58, `uptime ${uptime}, memory ${memory}, rssi ${rssi}`);
  await printed(/no Wi-Fi "my network": no_ap_found; trying again/);
  await printed(/connected as d:abc123:thermo:t-01/);
  const command = (name: string, data: object) =>
    application.publishAsync(`iot-2/type/thermo/id/t-01/cmd/${name}/fmt/json`, JSON.stringify(data), { qos: 1 });
  await command("setInterval", { interval: 0.2 });
  const first = await events.next();
  const second = await events.next();
  assert.ok(second.uptime! - first.uptime! <= 2, "ten seconds was the interval before");
  await command("print", { message: "hello from far away" });
  await printed(/^hello from far away/m);
  await printed(/(joining my network with secret.*){2}Wi-Fi "my network"/s);
  await command("reboot", {});
  await printed(/unknown command reboot/);
});
