// Who this device is and where it connects: from the mcconfig command line, or from identity/device.ini in the firmware.

import Resource from "Resource";
import { parseConfig } from "iotf-embedded";
import config from "mc/config";

const INI = "device.ini";
const QUICKSTART = "quickstart";
/** mcconfig's settings and the options they are. */
const SETTINGS = Object.freeze({
  org: "org",
  type: "type",
  id: "id",
  token: "auth-token",
  domain: "domain",
  host: "host",
  port: "port",
  secure: "tls", // the name `tls` is taken by the SDK
  serverName: "server-name",
  keepAlive: "keep-alive",
});
/** What this program may hold, unless mcconfig's settings say otherwise; the manifest's `creation` is made for it. */
const LIMITS = Object.freeze({
  frameBytes: 4096,
  transmitBytes: 1024,
  inflight: 10,
  queuedMessages: 100,
  queuedBytes: 8192,
});

/** Options for DeviceClient, `limits` among them; without any identity, those of a Quickstart device. */
export function identity() {
  const options = Resource.exists(INI) ? parseConfig(textOf(INI), INI) : {};
  for (const setting in SETTINGS) {
    if (config[setting] !== undefined) options[SETTINGS[setting]] = config[setting];
  }
  options.org ??= options.orgId;
  if (options["auth-token"] !== undefined) options["auth-method"] ??= "token";
  const ca = ["ca.der", "ca.pem"].find(name => Resource.exists(name));
  if (ca && usesTls(options)) options.ca = bytesOf(ca);
  options.limits = {};
  for (const name in LIMITS) options.limits[name] = Number(config[name] ?? LIMITS[name]);
  return options;
}

/** As DeviceClient decides it. */
export function usesTls({ org = QUICKSTART, tls, port }) {
  if (tls !== undefined) return String(tls).toLowerCase() === "true";
  return org !== QUICKSTART && Number(port) !== 1883 && Number(port) !== 80;
}

function bytesOf(name) {
  const resource = new Resource(name);
  return new Uint8Array(resource.slice(0, resource.byteLength));
}

function textOf(name) {
  return String.fromArrayBuffer(bytesOf(name).buffer);
}
