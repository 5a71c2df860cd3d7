// The front door of the engine-free bundle. An engine's entry (host-test/node, targets/moddable) adds default ports.

export { type Command, DeviceClient, MAX_PAYLOAD_BYTES } from "./client.ts";
export type { Codec, DecodedMessage, EncodedMessage } from "./codec/codec.ts";
export { DEFAULT_DOMAIN, type DeviceOptions } from "./config.ts";
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
export {
  type Counters,
  DEFAULT_LIMITS,
  type Limits,
  MqttClient,
  type MqttMessage,
  type MqttOptions,
  type Will,
} from "./mqtt.ts";
export type { Clock, Endpoint, Ports, Timer, TlsOptions, Transport, TransportListener } from "./ports.ts";
export type { Subscription } from "./wire/packet.ts";
