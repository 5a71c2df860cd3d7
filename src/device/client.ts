// DeviceClient: `ibmiotf.device.Client` of the Python SDK. Events go from here through events.ts to the connection;
// commands come from the connection through commands.ts. Its members are exactly the documented ones.

import { ConfigurationException, InvalidEventException } from "../errors.ts";
import { frozen } from "../frozen.ts";
import { BaseClient } from "../mqtt/base-client.ts";
import { DEFAULT_LIMITS } from "../mqtt/options.ts";
import type { PublishCallback } from "../mqtt/session/message.ts";
import type { Ports } from "../ports.ts";
import type { Codec, Format, FormatData } from "./codec/codec.ts";
import { Codecs } from "./codec/index.ts";
import { encodePayload } from "./codec/payload.ts";
import type { Command } from "./command.ts";
import { Commands } from "./commands.ts";
import { configure, type DeviceOptions } from "./config.ts";
import { EventCache } from "./events.ts";
import { COMMAND_FILTER, levelFault } from "./topic.ts";

const COMMAND_SUBSCRIPTION = frozen(Object.freeze({ topic: COMMAND_FILTER, qos: 1 } as const));

export class DeviceClient extends BaseClient {
  private readonly commands: Commands;
  private readonly events: EventCache;
  private warning: ConfigurationException | undefined;

  /**
   * @param options plain data; see {@link DeviceOptions}. None: Quickstart, as an unregistered device
   * @param ports the engine's sockets, clock and randomness; each engine's entry of the package has defaults
   * @throws ConfigurationException, UnsupportedAuthenticationMethod; nothing is sent before connect()
   */
  constructor(options: DeviceOptions | undefined, ports: Ports) {
    const { quickstart, mqtt, warning } = configure(options ?? {}, () => ports.random(), ports.serial);
    const codecs = new Codecs();
    const commands = new Commands(codecs, ports.clock, mqtt.limits?.values ?? DEFAULT_LIMITS.values);
    super(mqtt, ports, commands);
    this.commands = commands;
    this.events = new EventCache(codecs, quickstart);
    if (warning) this.warning = warning;
    // If the server refuses this subscription, errorCallback gets the error.
    if (!quickstart) this.connection.session.subscribe(COMMAND_SUBSCRIPTION, undefined);
  }

  /**
   * Called with each command; the command is acknowledged when the callback returns. Commands that arrive before it is set
   * (the documented samples set it after connect()) are acknowledged at once; the client keeps ten of them, delivers them
   * when it is set, and drops more with an error.
   */
  get commandCallback(): ((command: Command) => void) | undefined {
    return this.commands.callback;
  }

  set commandCallback(callback: ((command: Command) => void) | undefined) {
    const { commands, connection } = this;
    commands.callback = callback;
    // Read again each time: the callback may set another one.
    while (commands.callback) {
      const command = commands.takeWaiting();
      if (!command) return;
      connection.callbacks.invoke(commands.callback, command, undefined);
    }
  }

  /** Connects; see {@link BaseClient.connect}. The first call tells errorCallback if the token is sent in clear text. */
  override connect(): void {
    super.connect();
    const { warning } = this;
    if (!warning) return;
    this.warning = undefined;
    this.connection.callbacks.error(warning);
  }

  /**
   * Adds a format or replaces one, also a built-in one: "json", "json-iotf", "utf8", "raw". It applies to what is
   * published and received from now on. At most 16 formats.
   * @throws ConfigurationException for a format that is not one topic level, for a codec without encode and decode, and,
   * with code `limit`, for the 17th format
   */
  setMessageEncoderModule<F extends Format>(format: F, codec: Codec<FormatData<F>>): void {
    const fault = levelFault(format);
    if (fault) throw new ConfigurationException(`format ${fault}`);
    this.events.setCodec(format, codec);
  }

  /**
   * Publishes an event. Before CONNACK it is queued and sent when connected. The encoded payload, 131,072 bytes at most, is
   * kept until it is sent (QoS 0) or confirmed (QoS 1, 2).
   * @param event one topic level: not empty, no `/ + #`, no control characters
   * @param format as `event`; a built-in format or one of setMessageEncoderModule
   * @param data what the codec of `format` takes; a Uint8Array of format raw must not change until `onPublish` is called
   * @param onPublish called once, and never inside another `onPublish`: without an error when the event is in the transmit
   * buffer (QoS 0; it is lost if the connection ends before the transport takes it) or confirmed by the server (QoS 1, 2),
   * with an error when it is dropped; only an event that `limits.dropOldest` or `limits.redeliveries` drops is reported at
   * once
   * @returns true when accepted. false when the outbox or the store is full, after disconnect() and after a refusal:
   * nothing is kept and `onPublish` is not called. `active` tells whether the client still tries
   * @throws InvalidEventException, MissingMessageEncoderException; ConnectionException `not-connected` before the first
   * connect()
   */
  publishEvent<F extends Format>(
    event: string,
    format: F,
    data: FormatData<F>,
    qos: 0 | 1 | 2 = 0,
    onPublish?: PublishCallback,
  ): boolean {
    if (qos !== 0 && qos !== 1 && qos !== 2) throw new InvalidEventException(`qos must be 0, 1 or 2, not ${qos}`);
    const { connection } = this;
    const entry = this.events.get(event, format, connection);
    if (qos > 0 && this.events.quickstart) throw new InvalidEventException(`Quickstart takes QoS 0 only, not ${qos}`);
    const payload = encodePayload(entry.codec, data, entry.timed, connection.ports.clock);
    return connection.publish(entry.topic, payload, qos, false, onPublish);
  }
}
