// What the page shows of device management.

import { statusText } from "../management/firmware-states.ts";
import type { ManagementState } from "../management/record.ts";
import { printable, shorten } from "../printable.ts";
import type { ManagedSummary } from "./update.ts";

const LOG_ENTRIES = 5;
const ERROR_CODES = 10;
/** Characters of each text. */
const LENGTH = 120;

const STATES = ["idle", "downloading", "downloaded"];
const SEVERITIES = ["information", "warning", "error"];

/** Undefined for a device that has told nothing. */
export function managedSummary(state: ManagementState): ManagedSummary | undefined {
  const { managed, dormant, supports, deviceInfo, metadata, errorCodes, log, firmware, location } = state;
  if (!managed && !dormant && errorCodes.length + log.length === 0 && !location) return undefined;
  const progress = metadata.firmwareProgress;
  const { state: step, updateStatus } = firmware;
  const words = [
    ...(step === undefined ? [] : [STATES[step]!]),
    ...(updateStatus === undefined ? [] : [statusText(updateStatus)]),
  ];
  return {
    state: managed ? "managed" : dormant ? "dormant" : "not managed",
    deviceActions: managed && supports.deviceActions,
    firmwareActions: managed && supports.firmwareActions,
    fwVersion: short(deviceInfo.fwVersion ?? ""),
    firmware: words.join(", "),
    ...(typeof progress === "number" && progress >= 0 && progress <= 100 ? { progress } : {}),
    errorCodes: errorCodes.slice(-ERROR_CODES).join(", "),
    log: log
      .slice(-LOG_ENTRIES)
      .reverse()
      .map(({ timestamp, severity, message }) => short(`${timestamp} ${SEVERITIES[severity]}: ${message}`)),
  };
}

function short(text: string): string {
  return printable(shorten(text, LENGTH));
}
