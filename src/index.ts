// The front door of the engine-free bundle. An engine's entry (host-test/node, targets/moddable) adds default ports.

export type { Counters } from "./abstract-client.ts";
export { type Command, DeviceClient } from "./client.ts";
export type { Codec, DecodedMessage, EncodedMessage } from "./codec/codec.ts";
export { MAX_PAYLOAD_BYTES } from "./codec/payload.ts";
export { DEFAULT_DOMAIN, type DeviceOptions, type WillOptions } from "./config.ts";
export {
  ConfigurationException,
  ConnectionException,
  type ErrorCode,
  InvalidEventException,
  MissingMessageDecoderException,
  MissingMessageEncoderException,
  UnsupportedAuthenticationMethod,
} from "./errors.ts";
export { parseConfig } from "./ini.ts";
export { MqttClient, type MqttMessage } from "./mqtt.ts";
export { DEFAULT_LIMITS, type Limits, type MqttOptions, type Will } from "./mqtt-options.ts";
export type { Clock, Endpoint, Ports, Store, Timer, TlsOptions, Transport, TransportListener } from "./ports.ts";
/** @internal */
export * from "./shared.ts";
export type { Subscription } from "./wire/packet.ts";
