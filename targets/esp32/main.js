// The flashable device: publishes free memory, signal strength and uptime as event `status`, obeys `setInterval`,
// `print` and `blink`. Whatever goes wrong is one line on the console; nothing waits, nothing throws into the event loop.

import { clockIsSet, setClock } from "clock";
import { identity, usesTls } from "identity";
import Instrumentation from "instrumentation";
import { DeviceClient } from "iotf-embedded";
import { Light } from "led";
import config from "mc/config";
import Modules from "modules";
import Net from "net";
import Time from "time";
import Timer from "timer";

/** Seconds between events, until told otherwise. */
const FIRST_INTERVAL = 10;
const SHORTEST_INTERVAL = 0.1;
const LONGEST_INTERVAL = 86_400;
const BLINKS = 3;
const MOST_BLINKS = 100;
/** What the engine with this program, and a TLS session, take besides the limits, bytes; see docs/esp32.md. */
const PROGRAM_BYTES = 20_000;
const TLS_BYTES = 24_000;
/** How often a command is there while it is handled: as frame, text and data; with TLS also sealed and opened. */
const COPIES = 3;
const TLS_COPIES = 5;

const started = Time.ticks;
const freeMemory = Instrumentation.map("System Free Memory");
const light = new Light();
let client;
let interval = FIRST_INTERVAL;
let timer;
/** The client has given up; connect() itself may find out. */
let stopped = false;

function say(text) {
  trace(`${text}\n`);
}

export default function () {
  if (Modules.has("embedded:network/interface/wifi") && !config.ssid) {
    return say("no Wi-Fi: flash again with ssid=… password=…");
  }
  const options = checkedIdentity();
  if (!options) return;
  if (clockIsSet()) return begin();
  // Without TLS only timestamps need it.
  if (usesTls(options)) return setClock(begin);
  begin();
  setClock(() => {});
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
    client = new DeviceClient(options);
    return options;
  } catch (error) {
    return say(`wrong identity: ${error.message}; flash again with org=… type=… id=… token=… host=…`);
  }
}

function neededBytes(options) {
  const { frameBytes, queuedBytes, transmitBytes } = options.limits;
  const plain = PROGRAM_BYTES + transmitBytes + queuedBytes;
  return plain + (usesTls(options) ? TLS_BYTES + TLS_COPIES * frameBytes : COPIES * frameBytes);
}

function begin() {
  client.connectedCallback = () => say(`connected as ${client.clientId}`);
  client.disconnectedCallback = disconnected;
  client.errorCallback = error => say(`error: ${error.message}`);
  client.commandCallback = obey;
  schedule();
  client.connect();
  publish();
}

function disconnected(reason, willRetry) {
  if (willRetry) return say(`${reason.message}; trying again`);
  stopped = true;
  Timer.clear(timer);
  if (reason) say(`stopped: ${reason.message}`);
}

function schedule() {
  Timer.clear(timer);
  timer = Timer.repeat(publish, interval * 1000);
}

function publish() {
  if (stopped) return; // it would throw
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
