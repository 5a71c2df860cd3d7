// The flashable device: publishes free memory, signal strength and uptime as event `status`; executes the commands
// `setInterval`, `print` and `blink`. Each failure is one line on the console. Nothing throws into the event loop, which
// would restart the board.

import { clockIsSet, keepClock, restoreClock, setClock } from "clock";
import { identity, usesTls } from "identity";
import Instrumentation from "instrumentation";
import { DeviceClient } from "iotf-embedded";
import { Light } from "led";
import config from "mc/config";
import Modules from "modules";
import Net from "net";
import Time from "time";
import Timer from "timer";

/** Seconds between events, until command setInterval. */
const FIRST_INTERVAL = 10;
const SHORTEST_INTERVAL = 0.1;
const LONGEST_INTERVAL = 86_400;
const BLINKS = 3;
const MOST_BLINKS = 100;
/** The server refused the device. Somebody may correct its registration. */
const REFUSED_WAIT_MS = 3_600_000;
/** What the engine with this program, and a TLS session, take besides the limits, bytes; see docs/esp32.md. */
const PROGRAM_BYTES = 26_000;
const TLS_BYTES = 16_000;
/** For device management and updates: estimated from a buffer of 4 KiB and its copies, not measured. */
const UPDATE_BYTES = 14_000;
/** In the firmware if it was built with --firmware-key: update.js. */
const UPDATE = "update";
/** How many copies of a command exist while it is handled and written to the console: frame, text, data, two lines. */
const COPIES = 5;
/** With TLS also sealed. */
const TLS_COPIES = 6;

const started = Time.ticks;
const freeMemory = Instrumentation.map("System Free Memory");
const light = new Light();
let client;
/** Tells update.js that this firmware has connected. */
let confirm = () => {};
let interval = FIRST_INTERVAL;
let timer;
/** Wi-Fi came back after the attempt under way had begun: if that attempt fails, the next one follows at once. */
let networkIsBack = false;

function say(text) {
  trace(`${text}\n`);
}

export default function () {
  if (Modules.has("embedded:network/interface/wifi") && !config.ssid) {
    return say("no Wi-Fi: flash again with ssid=… password=…");
  }
  const options = checkedIdentity();
  if (!options) return;
  const set = clockIsSet();
  // Without TLS, only timestamps need the clock.
  const waits = !set && !restoreClock() && usesTls(options);
  keepClock();
  if (!waits) begin();
  if (!set) setClock(() => waits && begin());
}

/** Options, when there is a client made of them; else the reason is told. */
function checkedIdentity() {
  try {
    const options = identity();
    if (!options.org && !options.host) {
      return say("no identity: flash again with org=… type=… id=… token=… host=…, or add identity/device.ini");
    }
    // First: a client that does not fit ends the program, and then the next one.
    const needed = neededBytes(options);
    if (needed > config.ram) {
      return say(
        `these limits need ${needed} bytes, the manifest's creation has ${config.ram}: raise "static" and "ram"`,
      );
    }
    if (Modules.has(UPDATE)) ({ client, confirm } = Modules.importNow(UPDATE)(options));
    else client = new DeviceClient(options);
    return options;
  } catch (error) {
    return say(`wrong identity: ${error.message}; flash again with org=… type=… id=… token=… host=…`);
  }
}

function neededBytes(options) {
  const { frameBytes, queuedBytes, transmitBytes } = options.limits;
  const plain = PROGRAM_BYTES + transmitBytes + queuedBytes + (Modules.has(UPDATE) ? UPDATE_BYTES : 0);
  return plain + (usesTls(options) ? TLS_BYTES + TLS_COPIES * frameBytes : COPIES * frameBytes);
}

function begin() {
  client.connectedCallback = () => {
    networkIsBack = false;
    confirm();
    say(`connected as ${client.clientId}`);
  };
  client.disconnectedCallback = disconnected;
  client.errorCallback = error => say(`error: ${error.message}`);
  client.commandCallback = obey;
  if (globalThis.station) globalThis.station.onBack = networkBack;
  start();
}

/** See station.js. */
function networkBack() {
  if (!client.active || client.connected) return;
  networkIsBack = true;
  client.connect(); // While the client waits for its next attempt, this makes the attempt now.
}

function start() {
  schedule();
  client.connect();
  publish();
}

function disconnected(reason, retryMs) {
  if (networkIsBack && retryMs >= 0) {
    networkIsBack = false;
    say(`${reason.message}; next try now, because Wi-Fi is back`);
    return client.connect();
  }
  if (retryMs >= 0) return say(`${reason.message}; next try in ${Math.ceil(retryMs / 1000)} s`);
  Timer.clear(timer);
  if (reason.code !== "refused") return say(`stopped: ${reason.message}`);
  say(`${reason.message}; next try in 1 h`);
  Timer.set(start, REFUSED_WAIT_MS);
}

function schedule() {
  Timer.clear(timer);
  timer = Timer.repeat(publish, interval * 1000);
}

function publish() {
  if (!client.active) return; // connect() may have failed for good
  const data = { uptime: Math.round((Time.ticks - started) / 1000) };
  // Release builds do not count memory, a simulator has no radio.
  const memory = Instrumentation.get(freeMemory);
  const signal = Net.get("RSSI");
  if (memory !== undefined) data.memory = memory;
  if (signal !== undefined) data.rssi = signal;
  if (client.publishEvent("status", "json", data)) say(`event status ${JSON.stringify(data)}`);
  else say("event status dropped: the outbox is full");
}

function obey({ command, data }) {
  say(`command ${command} ${JSON.stringify(data)}`);
  if (command === "setInterval") {
    const seconds = data?.interval;
    if (!(seconds >= SHORTEST_INTERVAL && seconds <= LONGEST_INTERVAL)) {
      return say(`setInterval: interval is missing, or not ${SHORTEST_INTERVAL}..${LONGEST_INTERVAL} seconds`);
    }
    interval = seconds;
    schedule();
  } else if (command === "print") {
    if (data?.message === undefined) return say("print: message is missing");
    say(String(data.message));
  } else if (command === "blink") {
    const times = data?.times ?? BLINKS;
    if (!(times > 0 && times <= MOST_BLINKS)) return say(`blink: times is not 1..${MOST_BLINKS}`);
    light.blink(Math.round(times));
  } else say(`unknown command ${command}`);
}
