// Steps that many dialogues take.

import { utf8 } from "../../harness/testing/bytes.ts";
import type { Stage } from "../support/device.ts";
import type { DeviceClient, MqttClient } from "../support/subject.ts";

export const BYTE = new Uint8Array(1);

/** Publishes `name` to topic t; the diary has what becomes of it. False: not accepted. */
export function send(stage: Stage<MqttClient>, name: string, qos: 0 | 1 | 2, retain = false): boolean {
  return stage.client.publish("t", utf8(name), qos, retain, stage.done(name));
}

/** connect() was called, and the server has CONNECT. */
export function greeted<S extends Stage<MqttClient> | Stage<DeviceClient>>(stage: S): S {
  stage.client.connect();
  stage.link.opens();
  return stage;
}

/** The client makes its next attempt, and CONNACK 0 arrives. */
export function retried(stage: Stage<MqttClient> | Stage<DeviceClient>, sessionPresent = false): void {
  stage.clock.jumpToNext();
  stage.accepted(sessionPresent);
}

/** Lines that begin with this word. */
export function linesOf(lines: readonly string[], word: string): string[] {
  return lines.filter(line => line.startsWith(word));
}
