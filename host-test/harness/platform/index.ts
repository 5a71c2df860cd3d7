// `iotf-embedded/platform`: the local platform for integration tests, and its web page.

export { type Page, type PageOptions, startPage } from "./page/page.ts";
export {
  type ApplicationEntry,
  type CommandEvent,
  type CommandOptions,
  type ConnectEvent,
  type DeviceEntry,
  type DeviceEvent,
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
  type ViolationEvent,
} from "./platform.ts";
