// Exports of the bundle that runs on every engine. The entries of the engines (targets/node, targets/moddable) add ports.

export { DeviceClient } from "./device/client.ts";
// As a whole: declaration merging with Formats does not work through `export { … }`.
export type * from "./device/codec/codec.ts";
export { MAX_PAYLOAD_BYTES } from "./device/codec/payload.ts";
export type { Command, CommandIn, CommandOf } from "./device/command.ts";
export { DEFAULT_DOMAIN, type DeviceOptions, type WillOptions } from "./device/config.ts";
export { parseConfig } from "./device/ini.ts";
export {
  ConfigurationException,
  type ConnectionErrorCode,
  ConnectionException,
  type ErrorCode,
  InvalidEventException,
  type IotfError,
  MissingMessageDecoderException,
  MissingMessageEncoderException,
  type ReportedError,
  UnsupportedAuthenticationMethod,
} from "./errors.ts";
export { MqttClient, type MqttMessage } from "./mqtt/client.ts";
export type { Counters } from "./mqtt/counters.ts";
export { DEFAULT_LIMITS, type Limits, type MqttOptions, type ServerEndpoint, type Will } from "./mqtt/options.ts";
export type { Subscription } from "./mqtt/wire/encoder.ts";
export type { Clock, Endpoint, Ports, Store, Timer, TlsOptions, Transport, TransportListener } from "./ports.ts";
