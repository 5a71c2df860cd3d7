// DeviceClient: `ibmiotf.device.Client` of the Python SDK. Joins topics and codecs to the MQTT client and holds the
// application's callbacks. No bytes of packets, no time but timestamps.

import { AbstractClient } from "./abstract-client.ts";
import type { Codec, EncodedMessage } from "./codec/codec.ts";
import { Codecs, wantsTime } from "./codec/index.ts";
import { encodePayload } from "./codec/payload.ts";
import { configure, type DeviceOptions } from "./config.ts";
import {
  ConfigurationException,
  type ConnectionException,
  InvalidEventException,
  MissingMessageDecoderException,
  MissingMessageEncoderException,
} from "./errors.ts";
import type { Ports } from "./ports.ts";
import { COMMAND_FILTER, eventTopic, levelFault, parseCommandTopic } from "./topic.ts";
import { encodeTopic, type Packet } from "./wire/packet.ts";

/** A command from an application (protocol sheet 3). */
export interface Command {
  /** Its id, for example "setInterval". */
  command: string;
  /** Format name, for example "json". */
  format: string;
  /** What the codec of that format made of the payload. */
  data: unknown;
  /** When it was sent, if the format says so; else when it was received. */
  timestamp: Date;
}

/** Commands kept for a `commandCallback` that is not set yet. */
const WAITING_COMMANDS = 10;
/** Kinds of event whose topics are kept encoded. */
const RECENT_KINDS = 4;

/** An event id and a format that were found good, and what they come to. */
interface EventKind {
  event: string;
  format: string;
  codec: Codec;
  /** Whether the codec looks at the time. */
  timed: boolean;
  topic: Uint8Array;
}

interface CommandKind {
  topic: string;
  command: string;
  format: string;
}

export class DeviceClient extends AbstractClient {
  /** Connected, and again after each reconnect. */
  connectedCallback: (() => void) | undefined;
  /** The connection ended or an attempt failed; `willRetry`: the client tries again by itself. */
  disconnectedCallback: ((reason: ConnectionException | undefined, willRetry: boolean) => void) | undefined;

  private readonly quickstart: boolean;
  private readonly codecs = new Codecs();
  private recent: EventKind[] = [];
  private lastCommand: CommandKind | undefined;
  private onCommand: ((command: Command) => void) | undefined;
  private waiting: Command[] | undefined;

  /**
   * @param options plain data; see {@link DeviceOptions}. None: Quickstart mode
   * @param ports the engine's sockets, clock and randomness; the package's entry for each engine has them as default
   * @throws ConfigurationException, UnsupportedAuthenticationMethod; nothing is sent before connect()
   */
  constructor(options: DeviceOptions | undefined, ports: Ports) {
    const { quickstart, mqtt } = configure(options ?? {}, () => ports.random(), ports.serial);
    super(mqtt, ports);
    this.quickstart = quickstart;
    // A refusal is told to errorCallback.
    if (!quickstart) this.session.subscribe([{ topic: COMMAND_FILTER, qos: 1 }], undefined);
  }

  /**
   * Called with each command; the command is acknowledged when it returns. Commands that came before it was set (the
   * documented samples set it after connect()) are kept, ten at most, and delivered when it is.
   */
  get commandCallback(): ((command: Command) => void) | undefined {
    return this.onCommand;
  }

  set commandCallback(callback: ((command: Command) => void) | undefined) {
    this.onCommand = callback;
    // Looked up each time: it may be set anew from inside.
    while (this.onCommand && this.waiting?.length) this.tell(this.onCommand, this.waiting.shift()!, undefined);
  }

  /**
   * Adds a format or replaces one, also a built-in one: "json", "json-iotf", "utf8", "raw" (protocol sheet 4). Holds for
   * what is published and received from now on; 16 formats at most.
   * @throws ConfigurationException for a format that is no topic level, a codec without encode and decode, `limit`
   */
  setMessageEncoderModule(format: string, codec: Codec): void {
    const fault = levelFault(format);
    if (fault) throw new ConfigurationException(`format ${fault}`);
    this.codecs.set(format, codec);
    this.recent = []; // they know their codecs
  }

  /**
   * Publishes an event (protocol sheet 2). Right after connect() it is queued and sent when connected. The encoded
   * payload is kept until handed to the transport (QoS 0) or confirmed (QoS 1, 2).
   * @param event and `format`: one topic level each, not empty, no `/ + #`, no control characters
   * @param data what the codec of `format` takes
   * @param onPublish called once: at QoS 0 when handed to the transport, at 1 and 2 when the server has confirmed; with
   * an error when dropped for good
   * @returns true when accepted; false when the outbox is full: nothing is kept, `onPublish` is not called
   * @throws InvalidEventException, MissingMessageEncoderException; ConnectionException `not-connected` before connect()
   */
  publishEvent(
    event: string,
    format: string,
    data: unknown,
    qos: 0 | 1 | 2 = 0,
    onPublish?: (error?: Error) => void,
  ): boolean {
    if (qos !== 0 && qos !== 1 && qos !== 2) throw new InvalidEventException(`qos must be 0, 1 or 2, not ${qos}`);
    const kind = this.kind(event, format);
    if (this.quickstart && (qos > 0 || format !== "json")) {
      throw new InvalidEventException(`Quickstart takes format json at QoS 0 only, not ${format} at QoS ${qos}`);
    }
    const payload = encodePayload(kind.codec, data, kind.timed, this.ports.clock);
    return this.send(kind.topic, payload, qos, false, onPublish);
  }

  // Checked and encoded once, then found among the last few.
  private kind(event: string, format: string): EventKind {
    const recent = this.recent;
    for (let i = 0; i < recent.length; i++) {
      const kind = recent[i]!;
      if (kind.event === event && kind.format === format) return kind;
    }
    const eventFault = levelFault(event);
    if (eventFault) throw new InvalidEventException(`event id ${eventFault}`);
    const formatFault = levelFault(format);
    if (formatFault) throw new InvalidEventException(`format ${formatFault}`);
    const topic = encodeTopic(eventTopic(event, format));
    if (topic.length > this.topicLimit) {
      throw new InvalidEventException(`topic of ${topic.length} bytes, limit ${this.topicLimit}`);
    }
    const codec = this.codecs.get(format);
    if (!codec) throw new MissingMessageEncoderException(format);
    const kind = { event, format, codec, timed: wantsTime(codec), topic };
    if (recent.length === RECENT_KINDS) recent.shift();
    recent.push(kind);
    return kind;
  }

  /** @internal */
  protected override onConnected(): void {
    this.tell(this.connectedCallback, undefined, undefined);
  }

  /** @internal */
  protected override onDisconnected(reason: ConnectionException | undefined, retryMs: number): void {
    this.tell(this.disconnectedCallback, reason, retryMs >= 0);
  }

  /** @internal What is thrown here is told to errorCallback; the command is acknowledged all the same. */
  protected override onMessage(message: Packet): void {
    const kind = this.commandKind(message.topic!);
    const format = kind.format;
    const codec = this.codecs.get(format);
    if (!codec) throw new MissingMessageDecoderException(format);
    const decoded = codec.decode(message as EncodedMessage);
    const timestamp = decoded.timestamp ?? new Date(this.ports.clock.date());
    const command: Command = { command: kind.command, format, data: decoded.data, timestamp };
    if (this.onCommand) this.onCommand(command);
    else this.keep(command);
  }

  /** @internal */
  protected override onOversize(topic: string, size: number): void {
    throw new InvalidEventException(`command on ${topic} of ${size} bytes is larger than limits.frameBytes`);
  }

  private keep(command: Command): void {
    const waiting = this.waiting || [];
    if (waiting.length >= WAITING_COMMANDS) {
      throw new InvalidEventException(`command ${command.command} dropped: no commandCallback is set`);
    }
    waiting.push(command);
    this.waiting = waiting;
  }

  // The last topic is not taken apart again: the same command often comes many times.
  private commandKind(topic: string): CommandKind {
    if (this.lastCommand?.topic === topic) return this.lastCommand;
    const parts = parseCommandTopic(topic);
    if (!parts) throw new InvalidEventException(`Received command on invalid topic: ${topic}`);
    this.lastCommand = { topic, command: parts.command, format: parts.format };
    return this.lastCommand;
  }
}
