// The client of a device that is updated over the air. Part of the firmware only with manifest-update.json, which
// `npm run flash` includes for --firmware-key: a device without it does not carry the update client.

import Resource from "Resource";
import { ManagedDeviceClient } from "iotf-embedded/managed";
import { canUpdate, FirmwareUpdater } from "iotf-embedded/update";
import config from "mc/config";

/** Public key that signs firmware: flash.ts makes it. */
const KEY = "firmware.der";

/** @returns the client, and what main.js calls at each connection: a new firmware that never connects goes back */
export default function (options) {
  const { version } = config;
  const updater = canUpdate() ? makeUpdater(options, version) : undefined;
  const managed = { deviceInfo: { fwVersion: version }, ...(updater && { installer: updater }) };
  const client = new ManagedDeviceClient({ ...options, managed });
  client.manage();
  return { client, confirm: () => updater?.confirm() };
}

function makeUpdater({ type, ca }, version) {
  const resource = new Resource(KEY);
  const key = new Uint8Array(resource.slice(0, resource.byteLength));
  return new FirmwareUpdater({ type, version, key, ...(ca && { tls: { ca } }) });
}
