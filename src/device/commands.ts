// From a message to commandCallback: topic to command id and format, payload to data. Commands that arrive before the
// callback is set wait. Bound: MAX_WAITING commands.

import { InvalidEventException, MissingMessageDecoderException } from "../errors.ts";
import type { MessageReceiver } from "../mqtt/callbacks.ts";
import type { Packet } from "../mqtt/wire/decoder.ts";
import type { Clock } from "../ports.ts";
import type { EncodedMessage } from "./codec/codec.ts";
import { type Codecs, parsesJson } from "./codec/index.ts";
import { boundsFault } from "./codec/json-bounds.ts";
import type { Command } from "./command.ts";
import { parseCommandTopic } from "./topic.ts";

const MAX_WAITING = 10;

export class Commands implements MessageReceiver {
  callback: ((command: Command) => void) | undefined;
  private readonly codecs: Codecs;
  private readonly clock: Clock;
  private readonly maxValues: number;
  private waiting: Command[] | undefined;
  // The last topic and its parts: the same command often arrives many times.
  private lastTopic: string | undefined;
  private command: string | undefined;
  private format: string | undefined;

  /** @param maxValues most JSON values in one command */
  constructor(codecs: Codecs, clock: Clock, maxValues: number) {
    this.codecs = codecs;
    this.clock = clock;
    this.maxValues = maxValues;
  }

  /** What this throws goes to errorCallback; the command is acknowledged all the same. */
  receive(packet: Packet): void {
    const topic = packet.topic!;
    if (packet.oversize) {
      throw new InvalidEventException(`command on ${topic} of ${packet.oversize} bytes exceeds limits.frameBytes`);
    }
    if (topic !== this.lastTopic) this.parseTopic(topic);
    const format = this.format!;
    const codec = this.codecs.get(format);
    if (!codec) throw new MissingMessageDecoderException(format);
    // A value takes at least two bytes: a shorter payload cannot have too many.
    if (packet.payload!.length > 2 * this.maxValues && parsesJson(codec)) {
      const fault = boundsFault(packet.payload!, this.maxValues);
      if (fault) throw new InvalidEventException(`command ${this.command}: ${fault}`);
    }
    const decoded = codec.decode(packet as EncodedMessage);
    const timestamp = decoded.timestamp ?? new Date(this.clock.date());
    const command = { command: this.command!, format, data: decoded.data, timestamp } as Command;
    if (this.callback) this.callback(command);
    else this.wait(command);
  }

  /** The oldest command that waits for a callback, removed; undefined if none does. */
  takeWaiting(): Command | undefined {
    return this.waiting?.shift();
  }

  private wait(command: Command): void {
    const waiting = this.waiting || [];
    if (waiting.length >= MAX_WAITING) {
      throw new InvalidEventException(`command ${command.command} dropped: no commandCallback is set`);
    }
    waiting.push(command);
    this.waiting = waiting;
  }

  private parseTopic(topic: string): void {
    const parts = parseCommandTopic(topic);
    if (!parts) throw new InvalidEventException(`Received command on invalid topic: ${topic}`);
    this.lastTopic = topic;
    this.command = parts.command;
    this.format = parts.format;
  }
}
