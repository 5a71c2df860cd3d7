// What was said on a link, packet by packet: for a witness who judges duplicates, and for people who want to read it.

import { appendFileSync, writeFileSync } from "node:fs";
import mqttPacket from "mqtt-packet";

/** A packet as far as anyone here asks: one of mqtt-packet or MQTT.js, which have more. */
export interface Spoken {
  cmd: string;
  messageId?: number;
  qos?: number;
  dup?: boolean;
  topic?: string;
  payload?: unknown;
  returnCode?: number;
  sessionPresent?: boolean;
}

/** Takes one direction of a connection in pieces of any size. */
export function listener(told: (packet: Spoken) => void): (bytes: Uint8Array) => void {
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on("packet", packet => told(packet as Spoken));
  return bytes => void parser.parse(Buffer.from(bytes));
}

/**
 * Sees a receiver's link. A sender that has sent PUBREL must not publish the message again [MQTT-4.3.3-1], and a receiver
 * that has answered PUBCOMP must take what comes then for a new message [MQTT-4.3.3-2]: such a duplicate is the sender's.
 *
 * Mosquitto makes two of them (seen with Debian's 2.0.11; the code of 2.0.19 is the same). When a connection ends after
 * CONNECT and before its PUBRELs are written, the next one publishes those messages again: db__message_reconnect_reset
 * does not know its own state "resend PUBREL". And after a restart whatever exceeds max_inflight_messages comes back from
 * its file as waiting for its first PUBLISH, PUBREL or not.
 */
export class Witness {
  /** Payloads of QoS 2 messages that were published again after PUBREL. */
  readonly again = new Set<string>();
  private readonly payloads = new Map<number, string>();
  private readonly released = new Set<string>();

  /** What the sender said. True when this released a message for the first time. */
  heard({ cmd, qos, messageId, payload }: Spoken): boolean {
    if (cmd === "publish" && qos === 2) {
      const text = String(payload);
      this.payloads.set(messageId!, text);
      if (this.released.has(text)) this.again.add(text);
    }
    const text = cmd === "pubrel" ? this.payloads.get(messageId!) : undefined;
    if (text === undefined || this.released.has(text)) return false;
    this.released.add(text);
    return true;
  }
}

/** Writes lines, with the milliseconds since it began. */
export class Journal {
  private readonly path: string;
  private readonly began = performance.now();

  /** @param path emptied first */
  constructor(path: string) {
    this.path = path;
    writeFileSync(path, "");
  }

  note(text: string): void {
    appendFileSync(this.path, `${(performance.now() - this.began).toFixed(1)} ${text}\n`);
  }

  spoke(who: string, { cmd, messageId, qos, dup, payload, topic, returnCode, sessionPresent }: Spoken): void {
    const words = [who, cmd];
    if (cmd === "publish") words.push(`q${qos}${dup ? " dup" : ""} ${topic!.split("/").at(-3)} "${payload}"`);
    if (cmd === "connack") words.push(`${returnCode} session ${sessionPresent ? "present" : "new"}`);
    if (messageId !== undefined) words.push(`#${messageId}`);
    this.note(words.join(" "));
  }
}
