// Exports of the entry iotf-embedded/managed that run on every engine.

export { ManagedDeviceClient } from "./client.ts";
export { DEFAULT_MANAGED_LIMITS } from "./options.ts";
export type {
  AttributeName,
  CustomAction,
  DeviceInfo,
  Firmware,
  FirmwareInstaller,
  FirmwareState,
  InstallListener,
  Location,
  LogEntry,
  ManagedDeviceOptions,
  ManagedLimits,
  ManagedOptions,
  PreviousStart,
  RequestCallback,
  ServerRequest,
  UpdateStatus,
} from "./types.ts";
