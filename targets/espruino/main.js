// The device program: publishes free memory, signal strength and uptime as event `status`, and obeys the commands
// `setInterval` and `print`. It is a module in Storage; the file that `npm run espruino` writes starts it with the
// settings.

/** Seconds between events, until a command changes it. */
const FIRST_INTERVAL = 10;
const LONGEST_INTERVAL = 86400;
const JOIN_AGAIN_MS = 10000;

let client;
let wifi;
let timer;

function publish() {
  const memory = process.memory(false);
  const data = { uptime: Math.round(getTime() - started), memory: memory.free * memory.blocksize };
  // Firmware for the ESP32 does not tell the signal strength so far.
  const rssi = wifi ? wifi.getDetails().rssi : undefined;
  if (rssi !== undefined) data.rssi = rssi;
  if (client.publishEvent("status", "json", data)) print(`event status ${JSON.stringify(data)}`);
  else print("event status dropped: the outbox is full");
}

function schedule(seconds) {
  if (timer) clearInterval(timer);
  timer = setInterval(publish, seconds * 1000);
}

function obey(command) {
  const data = command.data;
  print(`command ${command.command} ${JSON.stringify(data)}`);
  if (command.command === "setInterval") {
    const seconds = data ? data.interval : undefined;
    if (seconds > 0 && seconds <= LONGEST_INTERVAL) schedule(seconds);
    else print("setInterval: interval is missing, or not seconds");
  } else if (command.command === "print") {
    if (data && data.message !== undefined) print(data.message);
    else print("print: message is missing");
  } else print(`unknown command ${command.command}`);
}

function disconnected(reason, retryMs) {
  if (retryMs >= 0) return print(`${reason.message}; trying again`);
  if (timer) clearInterval(timer);
  timer = undefined;
  if (reason) print(`stopped: ${reason.message}`);
}

// Returns at once, and looks again now and then: the access point may be away now, or go away later.
function join(ssid, password) {
  wifi.connect(ssid, password ? { password: password } : {}, error => {
    print(error ? `no Wi-Fi "${ssid}": ${error}; trying again` : `Wi-Fi "${ssid}"`);
    if (error) setTimeout(() => join(ssid, password), JOIN_AGAIN_MS);
  });
}

function connect(options, ports) {
  try {
    const lib = require("iotf");
    client = new lib.DeviceClient(options, lib.makePorts(ports));
  } catch (error) {
    return print(`wrong identity: ${error.message}`);
  }
  client.connectedCallback = () => print(`connected as ${client.clientId}`);
  client.disconnectedCallback = disconnected;
  client.errorCallback = error => print(`error: ${error.message}`);
  client.commandCallback = obey;
  client.connect();
  schedule(FIRST_INTERVAL);
  publish();
}

const started = getTime();

/** @param settings `device`: options of DeviceClient; `ssid`, `password`: Wi-Fi; `unverifiedTls`: see docs/espruino.md */
exports.start = settings => {
  if (settings.ssid) {
    wifi = require("Wifi");
    wifi.on("disconnected", () => setTimeout(() => join(settings.ssid, settings.password), JOIN_AGAIN_MS));
    join(settings.ssid, settings.password);
  }
  connect(settings.device, { unverifiedTls: settings.unverifiedTls });
};
