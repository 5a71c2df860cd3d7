// The flashable device: publishes free memory, signal strength and uptime as event `status`, obeys `setInterval`,
// `print` and `blink`. Whatever goes wrong is one line on the console; nothing waits, nothing throws into the event loop.

import { identity, usesTls } from "identity";
import Instrumentation from "instrumentation";
import { DEFAULT_LIMITS, DeviceClient } from "iotf-embedded";
import { blink } from "led";
import config from "mc/config";
import Modules from "modules";
import Net from "net";
import SNTP from "sntp";
import Time from "time";
import Timer from "timer";

/** Seconds between events, until told otherwise. */
const FIRST_INTERVAL = 10;
const LONGEST_INTERVAL = 86_400;
const MOST_BLINKS = 100;
/** What the engine with this program, and a TLS session, take besides the limits, bytes; see docs/esp32.md. */
const PROGRAM_BYTES = 20_000;
const TLS_BYTES = 24_000;
/** How often a command is there while it is handled: as frame, text and data; with TLS also sealed and opened. */
const COPIES = 3;
const TLS_COPIES = 5;
/** A clock before this was never set: 2023-01-01. */
const SET_CLOCK = 1_672_531_200_000;
const CLOCK_RETRY_MS = 30_000;

const started = Time.ticks;
const freeMemory = Instrumentation.map("System Free Memory");
let client;
let interval = FIRST_INTERVAL;
let timer;

function say(text) {
  trace(`${text}\n`);
}

function begin() {
  if (Modules.has("embedded:network/interface/wifi") && !config.ssid) {
    return say("no Wi-Fi: flash again with ssid=… password=…");
  }
  let options;
  try {
    options = identity();
    client = new DeviceClient(options);
  } catch (error) {
    return say(`wrong identity: ${error.message}; flash again with org=… type=… id=… token=… host=…`);
  }
  const needed = neededBytes(options);
  if (needed > config.ram) {
    return say(
      `these limits need ${needed} bytes, the manifest's creation has ${config.ram}: raise "static" and "ram"`,
    );
  }
  client.connectedCallback = () => say(`connected as ${client.clientId}`);
  client.disconnectedCallback = disconnected;
  client.errorCallback = error => say(`error: ${error.message}`);
  client.commandCallback = obey;
  client.connect();
  schedule();
  publish();
}

function neededBytes(options) {
  const { frameBytes, queuedBytes, transmitBytes } = { ...DEFAULT_LIMITS, ...options.limits };
  const plain = PROGRAM_BYTES + transmitBytes + queuedBytes;
  return plain + (usesTls(options) ? TLS_BYTES + TLS_COPIES * frameBytes : COPIES * frameBytes);
}

function disconnected(reason, willRetry) {
  if (willRetry) return say(`${reason.message}; trying again`);
  Timer.clear(timer);
  if (reason) say(`stopped: ${reason.message}`);
}

function schedule() {
  Timer.clear(timer);
  timer = Timer.repeat(publish, interval * 1000);
}

function publish() {
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
    if (!(seconds > 0 && seconds <= LONGEST_INTERVAL)) return say("setInterval: interval is missing, or not seconds");
    interval = seconds;
    schedule();
  } else if (command === "print") {
    if (data?.message === undefined) return say("print: message is missing");
    say(String(data.message));
  } else if (command === "blink") blink(Math.min(data?.times ?? 3, MOST_BLINKS));
  else say(`unknown command ${command}`);
}

// Certificates cannot be checked before the time is known. The SDK asks for it once, before main.
function whenClockIsSet(next) {
  if (Date.now() >= SET_CLOCK || !config.sntp) return next();
  say(`asking ${config.sntp} for the time`);
  new SNTP({ host: config.sntp }, (message, value) => {
    if (message === SNTP.time) {
      Time.set(value);
      next();
    } else if (message === SNTP.error) Timer.set(() => whenClockIsSet(next), CLOCK_RETRY_MS);
  });
}

export default function () {
  whenClockIsSet(begin);
}
