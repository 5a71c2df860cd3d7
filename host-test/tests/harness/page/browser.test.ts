// The page in a real browser: what a person sees when devices come, publish and misbehave, and what the form does.

import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { DeviceClient } from "../../../../dist/node.js";
import { startPage } from "../../../harness/platform/page/page.ts";
import * as rig from "../platform/testing.ts";
import { DEVICE } from "../platform/testing.ts";
import { Chromium, FOREIGN_NAME, withoutChromium } from "./chromium.ts";

const TEXT_OF = (selector: string) => `document.querySelector(${JSON.stringify(selector)})?.textContent`;
/** The cards of the plots, by what they show. */
const PLOTS = `[...document.querySelectorAll(".plot")].map(card => [
  card.querySelector(".path").textContent, card.querySelector("small").textContent,
  card.querySelector("output").textContent, Number(card.dataset.points)])`;
const PICTURE = `document.querySelector(".plot canvas").toDataURL()`;

describe("the page in Chromium", { skip: withoutChromium(), timeout: 60_000 }, () => {
  let browser: Chromium;

  before(async () => {
    browser = await Chromium.start();
  });
  after(() => browser?.close());

  async function opened(t: TestContext) {
    const platform = await rig.startTestPlatform(t);
    const page = await startPage(platform);
    t.after(() => page.close());
    const tab = await browser.open(page.url);
    // Whatever a test does, no script from outside ran, nothing was blocked, and nothing threw.
    t.after(() => assert.deepEqual(tab.console, []));
    return { platform, page, tab };
  }

  test("a device that connects appears, and its plots move as events arrive", async t => {
    const { platform, tab } = await opened(t);
    assert.match(await tab.until<string>(TEXT_OF("#nobody")), /^No device has connected yet/);
    const device = await rig.connectDevice(t, platform);
    await tab.until(`${TEXT_OF("#name")} === "${rig.CLIENT_ID}"`);
    assert.equal(await tab.evaluate(TEXT_OF("#devices bdi")), "thermo:t-01");
    await device.publish("iot-2/evt/status/fmt/json", '{"name":"foo","cpu":60,"sys":{"freeHeap":81234}}', 1);
    await device.publish("iot-2/evt/status/fmt/json", '{"name":"foo","cpu":61.5,"sys":{"freeHeap":80000}}', 1);
    await tab.until(`${TEXT_OF(".plot output")} === "61.5"`);
    assert.deepEqual(await tab.evaluate(PLOTS), [
      ["cpu", "status", "61.5", 2],
      ["sys.freeHeap", "status", "80000", 2],
    ]);
    assert.equal(await tab.evaluate(TEXT_OF("#heap")), "80,000 bytes");
    const before = await tab.until<string>(`document.querySelector(".plot canvas") && ${PICTURE}`);
    await device.publish("iot-2/evt/status/fmt/json", '{"cpu":10}', 1);
    await tab.until(`${TEXT_OF(".plot output")} === "10"`);
    assert.equal(
      await tab.evaluate(`new Promise(requestAnimationFrame).then(() => ${PICTURE} !== ${JSON.stringify(before)})`),
      true,
    );
    await device.end();
    assert.match(
      await tab.until<string>(`/^disconnected/.test(${TEXT_OF("#state")}) && ${TEXT_OF("#state")}`),
      /^disconnected since \d/,
    );
  });

  test("a boolean is plotted, and a disconnect interrupts the line", async t => {
    const { platform, tab } = await opened(t);
    for (const on of [true, false]) {
      const device = await rig.connectDevice(t, platform);
      await device.publish("iot-2/evt/status/fmt/json", JSON.stringify({ on }), 1);
      await tab.until(`${TEXT_OF(".plot output")} === "${on}"`);
      await device.end();
      await tab.until(`/^disconnected/.test(${TEXT_OF("#state")})`);
    }
    assert.deepEqual(await tab.evaluate(`({ ...document.querySelector(".plot").dataset })`), {
      points: "2",
      gaps: "2",
    });
  });

  test("the form sends a command, and the device handles it", async t => {
    const { platform, tab } = await opened(t);
    const client = new DeviceClient(rig.optionsFor(platform));
    t.after(() => new Promise<void>(resolve => client.disconnect(resolve)));
    client.commandCallback = ({ command, data }) => {
      client.publishEvent("handled", "json", { [command]: (data as { interval: number }).interval }, 1);
    };
    client.connect();
    await tab.until(`/^connected/.test(${TEXT_OF("#state")})`);
    await tab.evaluate(`
      document.querySelector("#command").value = "setInterval";
      document.querySelector("#payload").value = '{"interval":0.5}';
      document.querySelector("#command-form button").click()`);
    await tab.until(`${TEXT_OF("#answer")} === "sent"`);
    assert.deepEqual((await platform.awaitEvent({ event: "handled" })).data, { setInterval: 0.5 });
    await tab.until(`${TEXT_OF(".plot output")} === "0.5"`);
    const shown = `[...document.querySelectorAll("#last-others li")].map(item => item.innerText.split("\\n").slice(1))`;
    const [command] = await tab.evaluate<string[][]>(shown);
    assert.deepEqual(command, ["command", "setInterval", "json QoS 1", '{"interval":0.5}']);

    await tab.evaluate(`
      document.querySelector("#payload").value = "{";
      document.querySelector("#command-form button").click()`);
    await tab.until(`/^the payload is not JSON/.test(${TEXT_OF("#answer")})`);
    assert.match(tab.console.splice(0).join("\n"), /^[^\n]* status of 400 [^\n]*$/);
  });

  test("a managed device: its state, its firmware, a button that reboots it", async t => {
    const { platform, tab } = await opened(t);
    const device = await rig.connectManaged(t, platform, {
      deviceInfo: { fwVersion: "<b>1.2.0</b>" },
      metadata: { firmwareProgress: 40 },
    });
    await device.tell("add/diag/errorCodes", { errorCode: 17 });
    await device.tell("add/diag/log", { message: "low heap", timestamp: "2017-03-14T01:02:03Z", severity: 1 });
    await tab.until(`${TEXT_OF("#device-log li")} === "2017-03-14T01:02:03Z warning: low heap"`);
    assert.deepEqual(
      await tab.evaluate(`[document.querySelector("#managed").hidden, ${TEXT_OF("#managed-state")},
        ${TEXT_OF("#fw-version")}, document.querySelector("#fw-progress").value, ${TEXT_OF("#error-codes")}]`),
      [false, "managed", "<b>1.2.0</b>", 40, "17"],
    );
    await tab.evaluate(`document.querySelector("#reboot").click()`);
    await device.answer("mgmt/initiate/device/reboot", 202);
    await device.manage({ supports: { firmwareActions: true } });
    await tab.until(`${TEXT_OF("#action-answer")} === "sent"`);
    await tab.until(`/^device\\/reboot done: /.test(${TEXT_OF("#last-others .text")})`);
    await tab.until(`document.querySelector("#reboot").disabled && !document.querySelector("#update").disabled`);
    await tab.evaluate(`
      document.querySelector("#fw-uri").value = "https://example.com/fw";
      document.querySelector("#download").click()`);
    assert.deepEqual((await device.answer("observe", 200)).d, { fields: [{ field: "metadata" }] });
    const { d } = await device.answer("device/update", 400);
    assert.equal((d as { fields: { value: { uri: string } }[] }).fields[0]!.value.uri, "https://example.com/fw");
  });

  test("hostile events stay text", async t => {
    const { platform, tab } = await opened(t);
    const device = await rig.connectDevice(t, platform);
    const markup = `<script>document.title="owned"</script><img src=x onerror="document.title='owned'">`;
    const fields = { [markup]: 1, __proto__x: 2, constructor: 3, "\u202egnp.exe": 4, ["n".repeat(9000)]: 5 };
    const hostile = JSON.stringify(fields).replace("__proto__x", "__proto__");
    await device.publish("iot-2/evt/status/fmt/json", hostile, 1);
    await device.publish(`iot-2/evt/${encodeURIComponent("x")}<b onclick=alert(1)>\u2066/fmt/<i>`, markup, 1);
    await device.publish(
      "iot-2/evt/long/fmt/json",
      `{"x":"${"y".repeat(131_000)}","deep":${"[".repeat(9)}7${"]".repeat(9)}}`,
      1,
    );
    await device.publish("iot-2/evt/bytes/fmt/raw", Buffer.of(0, 255, 27, 128), 1);
    await tab.until(`document.querySelectorAll("#last-events li").length === 4`);
    const paths = (await tab.evaluate<[string][]>(PLOTS)).map(([path]) => path);
    assert.deepEqual(paths, [`${markup.slice(0, 64)}…`, "__proto__", "constructor", "·gnp.exe", `${"n".repeat(64)}…`]);
    const texts = await tab.evaluate<string[]>(
      `[...document.querySelectorAll("#last-events .text")].map(e => e.textContent)`,
    );
    assert.deepEqual([texts[0], texts[1]!.length < 350, texts[2]], ["hex 00 ff 1b 80 (4 bytes)", true, markup]);
    const name = `[...document.querySelectorAll("#last-events .name")][2].textContent`;
    assert.equal(await tab.evaluate(name), "x<b onclick=alert(1)>·");
    assert.deepEqual(
      await tab.evaluate(`[
        document.title, document.scripts.length, document.querySelectorAll("img, b, i").length,
        {}.polluted === undefined, document.documentElement.scrollWidth <= innerWidth]`),
      ["Local platform", 1, 0, true, true],
    );
  });

  test("no text can become markup and no inline script runs, even if the page tried", async t => {
    const { tab } = await opened(t);
    for (const attempt of [
      `document.body.innerHTML = "<b>x</b>"`,
      `document.body.setAttribute("onclick", "document.title = 'owned'")`,
      `document.createElement("script").textContent = "document.title = 'owned'"`,
      `setTimeout("document.title = 'owned'")`,
    ]) {
      const outcome = `(() => { try { ${attempt}; return "done"; } catch (error) { return error.name; } })()`;
      assert.match(await tab.evaluate(outcome), /^(TypeError|EvalError)$/, attempt);
    }
    const blocked = tab.console.splice(0);
    assert.ok(blocked.length >= 4, blocked.join("\n"));
  });

  test("a site whose name leads to this machine is turned away, and so is a form of another origin", async t => {
    const { platform, page, tab } = await opened(t);
    await rig.connectDevice(t, platform);
    await tab.until(`/^connected/.test(${TEXT_OF("#state")})`);
    const rebound = await browser.open(`http://${FOREIGN_NAME}:${page.port}/`);
    assert.equal(await rebound.evaluate("document.body.textContent"), "the Host header must be 127.0.0.1 or localhost");
    const foreign = await browser.open(`http://localhost:${page.port}/`);
    const order = JSON.stringify({ device: rig.CLIENT_ID, command: "print" });
    for (const type of ["text/plain", "application/json"]) {
      const options = `{ method: "POST", mode: "no-cors", headers: { "content-type": "${type}" }, body: ${JSON.stringify(order)} }`;
      await foreign.evaluate(`fetch("${page.url}commands", ${options}).catch(() => {})`);
    }
    assert.equal(await tab.evaluate(TEXT_OF("#commands")), "0");
  });

  test("a reload stays at its device, and a platform that is gone is told", async t => {
    const { platform, page, tab } = await opened(t);
    const device = await rig.connectDevice(t, platform);
    platform.addDevice({ ...DEVICE, id: "t-02" });
    await rig.connectDevice(t, platform, { clientId: "d:abc123:thermo:t-02" });
    await tab.until(`document.querySelectorAll("#devices li").length === 2`);
    await tab.evaluate(`document.querySelectorAll("#devices a")[1].click()`);
    await tab.until(`${TEXT_OF("#name")} === "d:abc123:thermo:t-02"`);
    await device.publish("iot-2/evt/status/fmt/json", '{"cpu":1}', 1);
    await tab.until(`${TEXT_OF("#devices small")} === "1 event"`);
    assert.deepEqual(await tab.evaluate(PLOTS), [], "another device's");
    await tab.reload();
    await tab.until(`${TEXT_OF("#name")} === "d:abc123:thermo:t-02"`);
    const dot = `getComputedStyle(document.querySelector("#devices a"), "::before").backgroundColor`;
    const green = await tab.evaluate(dot);
    await page.close();
    await tab.until(`document.querySelector("#link").dataset.state === "lost"`);
    assert.notEqual(await tab.evaluate(dot), green, "nobody knows whether the device is connected");
    assert.equal(await tab.evaluate(TEXT_OF("#state")), "unknown");
    tab.console.length = 0; // the browser tells it too
  });

  test("it is readable at the width of a phone, light and dark", async t => {
    const { platform, tab } = await opened(t);
    const device = await rig.connectDevice(t, platform);
    await device.publish(`iot-2/evt/status/fmt/json`, `{"${"a".repeat(60)}":1234567.891,"cpu":1}`, 1);
    await tab.until(`document.querySelectorAll(".plot canvas").length === 2`);
    await tab.size(390, 844);
    const ground: string[] = [];
    for (const scheme of ["light", "dark"] as const) {
      await tab.scheme(scheme);
      await tab.evaluate("new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))");
      const [wide, outside, background] = await tab.evaluate<[boolean, string[], string]>(`[
        document.documentElement.scrollWidth > innerWidth,
        [...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.className || e.tagName),
        getComputedStyle(document.documentElement).backgroundColor]`);
      assert.deepEqual([wide, outside], [false, []], scheme);
      ground.push(background);
    }
    assert.notEqual(ground[0], ground[1]);
  });
});
