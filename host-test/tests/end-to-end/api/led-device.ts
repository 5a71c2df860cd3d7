// programs/device.js on an engine, with an inbox for what it hears.

import { EventEmitter, once } from "node:events";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { DeviceOptions } from "../../../../dist/node.js";
import { type Engine, type EngineName, startEngine } from "../../engines/engines.ts";

const PROGRAM = fileURLToPath(new URL("programs/device.js", import.meta.url));

export type Heard = [what: string, details?: unknown];

export class LedDevice {
  private readonly engine: Engine;
  private readonly inbox: Heard[];
  private readonly arrival: EventEmitter;

  constructor(engine: Engine, inbox: Heard[], arrival: EventEmitter) {
    this.engine = engine;
    this.inbox = inbox;
    this.arrival = arrival;
  }

  /** What it hears next. */
  async next(): Promise<Heard> {
    while (this.inbox.length === 0) await once(this.arrival, "heard");
    return this.inbox.shift()!;
  }

  /** Connects; resolves when connected. */
  async connect(): Promise<void> {
    await this.engine.invoke("connect");
    const heard = await this.next();
    if (heard[0] !== "connected") throw new Error(`expected to be connected, heard ${JSON.stringify(heard)}`);
  }

  publish(event: string, format: string, data: unknown, qos: 0 | 1 | 2 = 0): Promise<void> {
    return this.engine.invoke("publish", [event, format, data, qos]);
  }

  invoke<T>(name: string): Promise<T> {
    return this.engine.invoke<T>(name);
  }
}

/** A device that leaves when the test ends. */
export async function ledDevice(t: TestContext, engine: EngineName, options: DeviceOptions): Promise<LedDevice> {
  const inbox: Heard[] = [];
  const arrival = new EventEmitter();
  const heard = (what: Heard) => {
    inbox.push(what);
    arrival.emit("heard");
  };
  const running = await startEngine(engine, PROGRAM, options, { heard });
  t.after(async () => {
    await running.invoke("stop");
    await running.close();
  });
  return new LedDevice(running, inbox, arrival);
}
