// Events each published from the callback of the one before, on a link in memory. Runs on Node and in XS alike.

import type { DeviceClient } from "../../../src/device/client.ts";
import type { DeviceOptions } from "../../../src/device/config.ts";
import type { Ports, Transport, TransportListener } from "../../../src/ports.ts";
import { command, connack, puback, suback } from "../../harness/testing/frames.ts";
import { IDENTITY } from "../support/identity.ts";

export type Library = { DeviceClient: new (options: DeviceOptions, ports: Ports) => DeviceClient };

/** Where the first event is published. */
export const PLACES = ["program", "connectedCallback", "commandCallback", "before CONNACK"] as const;
export type Place = (typeof PLACES)[number];

export interface Order {
  /** Events in the chain. 0: there is not even a client. */
  count: number;
  qos: 0 | 1;
  place: Place;
  /** Calls on the stack below all of it. */
  depth?: number;
}

export interface Outcome {
  confirmed: number;
  /** PUBLISH packets that reached the far end. */
  sent: number;
  /** Callbacks of events that ran inside another one. */
  nested: number;
  errors: string[];
}

const DEVICE: DeviceOptions = { ...IDENTITY, host: "far.test", tls: false };
const NO_TIMER = { set() {}, clear() {} };

export function start(lib: Library): { run(order: Order): Outcome } {
  return { run: order => below(order.depth ?? 0, () => chain(lib, order)) };
}

// Each level takes the same part of the stack. Not as `return below()`: XS makes no frame for a tail call.
function below(depth: number, action: () => Outcome): Outcome {
  const outcome = depth > 0 ? below(depth - 1, action) : action();
  return outcome;
}

function chain(lib: Library, { count, qos, place }: Order): Outcome {
  const outcome: Outcome = { confirmed: 0, sent: 0, nested: 0, errors: [] };
  if (!count) return outcome;
  const link = new Link(outcome);
  const ports: Ports = {
    open: (_, listener) => {
      link.listener = listener;
      return link;
    },
    clock: { now: () => 0, date: () => 0, timer: () => NO_TIMER },
    random: () => 0.5,
  };
  const client = new lib.DeviceClient(DEVICE, ports);
  client.errorCallback = error => void outcome.errors.push(error.message);
  let inside = 0;
  const done = (error?: Error) => {
    if (error) outcome.errors.push(error.message);
    if (inside++) outcome.nested++;
    outcome.confirmed++;
    if (outcome.confirmed < count) publish();
    inside--;
  };
  const publish = () => {
    if (!client.publishEvent("e", "json", 1, qos, done)) outcome.errors.push("not accepted");
  };
  if (place === "connectedCallback") client.connectedCallback = publish;
  if (place === "commandCallback") client.commandCallback = publish;
  client.connect();
  if (place === "before CONNACK") publish();
  link.listener!.opened();
  link.listener!.received(connack());
  link.listener!.received(suback(1, 1));
  if (place === "commandCallback") link.listener!.received(command("c", "1", { qos: 1, id: 7 }));
  if (place === "program") publish();
  // A transport never calls back from inside write().
  while (link.unanswered) link.listener!.received(puback(link.take()));
  return outcome;
}

class Link implements Transport {
  listener: TransportListener | undefined;
  readonly writable = 65536;
  /** Packet identifier of the last PUBLISH of QoS 1, 0 when it is answered. */
  unanswered = 0;
  private readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    this.outcome = outcome;
  }

  // Several packets may leave in one write.
  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 2 + bytes[at + 1]!) {
      if (bytes[at]! >> 4 !== 3) continue;
      this.outcome.sent++;
      if (bytes[at]! & 2) {
        const id = at + 4 + bytes[at + 3]!;
        this.unanswered = (bytes[id]! << 8) | bytes[id + 1]!;
      }
    }
  }

  take(): number {
    const id = this.unanswered;
    this.unanswered = 0;
    return id;
  }

  close(closed?: () => void): void {
    closed?.();
  }
}
