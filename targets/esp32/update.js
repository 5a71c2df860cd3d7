// The client of a device that is updated over the air. Part of the firmware only with manifest-update.json, which
// `npm run flash` includes for --firmware-key: a device without it does not carry the update client.

import { ManagedDeviceClient } from "iotf-embedded/managed";
import config from "mc/config";

/** @returns the client, and what main.js calls at each connection: a new firmware that never connects goes back */
export default function (options) {
  const { updater, error } = globalThis.updater ?? {}; // none in the simulator
  // Connects nevertheless. A firmware on trial is not confirmed then and goes back: it could not be updated again.
  if (error) trace(`no updates: ${error.message}\n`);
  const managed = { deviceInfo: { fwVersion: config.version }, ...(updater && { installer: updater }) };
  const client = new ManagedDeviceClient({ ...options, managed });
  client.manage();
  return { client, confirm: () => updater?.confirm() };
}
