// Starts the update client before main: a new firmware that gets no Wi-Fi, or a wrong identity, has to go back too, and
// the SDK's set-up calls main only when there is an IP address. update.js takes it from `globalThis.updater`.

import Resource from "Resource";
import { identity } from "identity";
import { canUpdate, FirmwareUpdater } from "iotf-embedded/update";
import config from "mc/config";

/** Public key that signs firmware: flash.ts makes it. */
const KEY = "firmware.der";

export default function (done) {
  if (canUpdate()) globalThis.updater = start();
  done();
}

function start() {
  try {
    return { updater: makeUpdater(identity()) };
  } catch (error) {
    guard();
    return { error };
  }
}

function makeUpdater({ type, id, ca }) {
  const resource = new Resource(KEY);
  const key = new Uint8Array(resource.slice(0, resource.byteLength));
  return new FirmwareUpdater({ type, id, version: config.version, key, ...(ca && { tls: { ca } }) });
}

/** Accepts no firmware. If this one is on trial, it goes back. */
function guard() {
  try {
    new FirmwareUpdater({ type: "none", version: "0" });
  } catch {
    // There is no updater at all, for example because the board has one slot only. update.js tells the first error.
  }
}
