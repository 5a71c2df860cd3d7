// The client of a device that is updated over the air. Part of the firmware only with manifest-update.json, which
// `npm run flash` includes for --firmware-key: a device without it does not carry the update client.

import { ManagedDeviceClient } from "iotf-embedded/managed";
import config from "mc/config";

/**
 * @returns the client, and what main.js calls at each connection: a new firmware that never connects goes back
 * @throws what was wrong when updater.js started
 */
export default function (options) {
  const { updater, error } = globalThis.updater ?? {}; // none in the simulator
  if (error) throw error;
  const managed = { deviceInfo: { fwVersion: config.version }, ...(updater && { installer: updater }) };
  const client = new ManagedDeviceClient({ ...options, managed });
  client.manage();
  return { client, confirm: () => updater?.confirm() };
}
