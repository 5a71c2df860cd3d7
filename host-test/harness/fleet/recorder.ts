// What do the clients of a device do? Looks on where a client calls its callbacks, opens its link and publishes, so that a
// program may use all of that as it likes.

import type { ConnectionException, DeviceClient, MqttClient } from "../../../src/index.ts";
import type { ClientCallbacks } from "../../../src/mqtt/callbacks.ts";
import type { Connection } from "../../../src/mqtt/connection.ts";
import { eventHash, isEvent } from "./event-hash.ts";
import { addCounts, addFailedAttempts, type Batch, type MessageRecord } from "./messages.ts";

/** The batch of a thread, which is another one after each report. */
export interface Recorder {
  readonly batch: Batch;
  /** Milliseconds since the start of the run. */
  now(): number;
}

export interface RecordedDevice {
  readonly index: number;
  readonly clientId: string;
  readonly stopped: boolean;
  readonly unconfirmed: Set<MessageRecord>;
}

/** Messages of errorCallback that a client reports; more are only counted. */
const MAX_ERRORS = 3;
/** Characters of an error message. */
const MAX_CHARACTERS = 500;

export function recordClient(client: DeviceClient | MqttClient, device: RecordedDevice, recorder: Recorder): void {
  const { connection } = client as unknown as { connection: Connection };
  const state = { openedAt: 0, connected: false, everConnected: false, errors: 0 };
  const { link } = connection;
  const open = link.open;
  link.open = (ports, endpoint) => {
    state.openedAt = performance.now();
    open.call(link, ports, endpoint);
  };

  const callbacks: ClientCallbacks = {
    get connectedCallback() {
      return (sessionPresent: boolean) => {
        const { batch } = recorder;
        batch.connects.push(recorder.now());
        batch.connackMs.push(performance.now() - state.openedAt);
        if (state.everConnected) batch.reconnects++;
        state.everConnected = true;
        state.connected = true;
        if (!device.stopped) client.connectedCallback?.(sessionPresent);
      };
    },
    get disconnectedCallback() {
      return (reason: ConnectionException | undefined, retryMs: number) => {
        if (reason) recordEnd(recorder, reason, state.connected, retryMs);
        state.connected = false;
        if (!device.stopped) client.disconnectedCallback?.(reason, retryMs);
      };
    },
    get errorCallback() {
      return (error: Error) => {
        const { batch } = recorder;
        batch.errorCount++;
        state.errors++;
        if (state.errors <= MAX_ERRORS) batch.errors.push({ index: device.index, message: errorText(error) });
        if (!device.stopped) client.errorCallback?.(error);
      };
    },
    get drainCallback() {
      return device.stopped ? undefined : client.drainCallback;
    },
  };
  Object.assign(connection.callbacks, { client: callbacks });
  recordPublish(connection, device, recorder);
}

function recordEnd({ batch, now }: Recorder, reason: ConnectionException, connected: boolean, retryMs: number): void {
  if (connected) batch.connectionsLost.push(now());
  else if (reason.code === "refused" && retryMs < 0) addCounts(batch.refused, { [reason.returnCode]: 1 });
  else addFailedAttempts(batch.failedAttempts, { [causeOf(reason)]: { count: 1, example: errorText(reason) } });
}

function recordPublish(connection: Connection, device: RecordedDevice, recorder: Recorder): void {
  // The observer looks for events of the devices of the fleet only.
  const observed = connection.clientId === device.clientId;
  const publish = connection.publish;
  connection.publish = (topic, payload, qos, retain, done) => {
    const hash = observed && isEvent(topic) ? eventHash(topic, payload) : undefined;
    const record: MessageRecord = { index: device.index, hash, qos };
    const publishedAt = performance.now();
    device.unconfirmed.add(record);
    const accepted = publish.call(connection, topic, payload, qos, retain, error => {
      device.unconfirmed.delete(record);
      const { batch } = recorder;
      if (error) batch.dropped.push(record);
      else batch.confirmed.push(record);
      if (!error && qos > 0) batch.pubackMs.push(performance.now() - publishedAt);
      if (!device.stopped) done?.(error);
    });
    if (accepted) recorder.batch.published[qos]++;
    else {
      recorder.batch.rejected++;
      device.unconfirmed.delete(record);
    }
    return accepted;
  };
}

/** Causes that the user of this computer can change; the others are the library's codes. */
const SYSTEM_CAUSES = /\b(EMFILE|ENFILE|EADDRNOTAVAIL|ECONNREFUSED)\b/;

function causeOf(reason: ConnectionException): string {
  return SYSTEM_CAUSES.exec(reason.message)?.[1] ?? reason.code;
}

/** The first line of an error, or of what else was thrown. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : `threw ${String(error)}`;
  return text.split("\n")[0]!.slice(0, MAX_CHARACTERS);
}
