// `iotf-embedded/platform`: the local platform for integration tests, and its web page.

export type { ActionOutcome, Parameter } from "./management/actions.ts";
export type { Field, ManagedDeviceInfo, ManagedFirmware, ManagedLocation } from "./management/attributes.ts";
export { type ActionTimeouts, ManagementRefusal } from "./management/managed-device.ts";
export type { ManagedLogEntry, Supports } from "./management/messages.ts";
export type { FirmwareParameters } from "./management/operator.ts";
export type { ManagementState } from "./management/record.ts";
export { type Page, type PageOptions, startPage } from "./page/page.ts";
export {
  type ActionEvent,
  type ActionOptions,
  type ApplicationEntry,
  type CommandEvent,
  type CommandOptions,
  type ConnectEvent,
  type DeviceEntry,
  type DeviceEvent,
  type DeviceManagement,
  type DeviceRef,
  type DisconnectEvent,
  type EventFilter,
  type ManagementEvent,
  Platform,
  type PlatformEvents,
  type PlatformMessage,
  type PlatformOptions,
  type QoS,
  type ReceivedEvent,
  type RefusedEvent,
  type RequestEvent,
  type SessionInfo,
  startPlatform,
  type UpdateOptions,
  type ViolationEvent,
} from "./platform.ts";
