// A device program on a bench: its ports, its timers and its time are the test's, its platform is a script. Nothing here
// waits: each call returns when device and platform have nothing more to say to each other at this point in time.

import type {
  Codec,
  DeviceClient,
  DeviceOptions,
  Endpoint,
  MqttClient,
  Ports,
  Timer,
  TransportListener,
} from "../../../src/index.ts";
import { overridePorts, type PortOverride } from "../../../targets/node/index.ts";
import { memoryStore } from "../../../targets/node/memory-store.ts";
import { covers } from "../platform/topics.ts";
import { FakeClock } from "./clock.ts";
import { Dialogue, type Entry } from "./dialogue.ts";
import { same, shown } from "./expect.ts";
import { DeviceGlobals, measured } from "./globals.ts";
import { Platform, type Received, type ReceivedEvent } from "./platform.ts";
import { seeded } from "./random.ts";
import { type Chunking, FakeNetwork, FakeTransport, ListenerThrough } from "./transport.ts";

/** An identity to test with; nobody checks its token. */
export const TEST_DEVICE: DeviceOptions = Object.freeze({
  org: "abc123",
  type: "thermo",
  id: "t-01",
  "auth-method": "token",
  "auth-token": "test-token",
  host: "platform.test",
  port: 1883,
  tls: false,
});

/** What a device program is given. */
export interface Bench {
  /** Connections, clock, randomness and, if asked for, the store of this test. */
  readonly ports: Ports;
  /** {@link TEST_DEVICE}, with the `options` of the test over it. */
  readonly options: DeviceOptions;
}

export interface TestOptions {
  /** Options of the device that differ from {@link TEST_DEVICE}. */
  options?: DeviceOptions;
  /** All chance of the run comes from it: Math.random and `ports.random` of the device, `split: "random"`. Default 1. */
  seed?: number;
  /** How the platform's bytes arrive: in one piece, one by one, or in random pieces. Default `whole`. */
  split?: "whole" | "bytes" | "random";
  /** The device has a store, which outlives `restart()`. Default false. */
  store?: boolean;
  /** What `ports.clock.now()` says first, 0..2^32-1, default 0. 2^32 - 1000 lets it wrap after a second. */
  startMs?: number;
  /** Codecs by format name, for formats of the program's own: for what is expected and for commands. */
  codecs?: Record<string, Codec>;
}

const SPLITS: readonly unknown[] = ["whole", "bytes", "random"];

/** What is expected of the data of an event: these, as JSON; or whatever a function says yes to. */
export type Expected<T> = string | number | boolean | null | object | ((data: T) => boolean);

export interface EventDetails {
  format?: string;
  qos?: 0 | 1 | 2;
}

/** Set by who wants to see the dialogues of all devices: `iotf-embedded xs --test` compares those of two engines. */
type Watched = { onTestDevice?: (device: { readonly dialogue: string }) => void };

/** How long `advanceToConnect` looks ahead, milliseconds: longer than the longest pause of the clients. */
const LOOK_AHEAD_MS = 600_000;
/** Turns of both sides at one point in time that are no conversation any more. */
const MOST_TURNS = 100_000;
/** How often in a row the outbox may be found full at one point in time. */
const MOST_REFUSALS = 10_000;
/** How often the time may be asked for at one point in time. */
const MOST_LOOKS = 100_000;
/** Turns of the promise queue in `settle`. */
const PROMISE_TURNS = 64;

/**
 * Switches a device on, in this process, without network and without waiting.
 * @param program starts the device, as its main module does. Clients it makes with the package's `DeviceClient` or
 * `MqttClient` use this test's ports, whether they are passed on or not; timers, Date, Math.random and trace are the
 * test's while it, or a callback of it, runs
 */
export function testDevice<P = unknown>(program: (bench: Bench) => P, options: TestOptions = {}): TestDevice<P> {
  return new TestDevice(program, options);
}

export class TestDevice<P = unknown> {
  readonly platform: Platform;
  readonly clock: FakeClock;
  private readonly network: DeviceNetwork;
  private readonly recorder: Dialogue;
  private readonly globals: DeviceGlobals;
  private readonly start: (bench: Bench) => P;
  private readonly bench: Bench;
  private readonly seen = new Set<Received>();
  private readonly override: PortOverride;
  private trouble: Error | undefined;
  private depth = 0;
  private talking = false;
  private result: P;

  /** @internal */
  constructor(program: (bench: Bench) => P, options: TestOptions) {
    if (typeof program !== "function") throw new TypeError(`testDevice starts a function, not ${program}`);
    const { seed = 1, split = "whole", store = false, startMs = 0, codecs = {}, options: own = {}, ...rest } = options;
    for (const name of Object.keys(rest)) throw new TypeError(`testDevice has no option ${name}`);
    if (!SPLITS.includes(split)) throw new TypeError(`split is ${SPLITS.join(", ")}, not ${split}`);
    if (!Number.isFinite(seed)) throw new TypeError(`seed is a number, not ${seed}`);
    if (!(startMs >= 0 && startMs < 2 ** 32)) throw new RangeError(`startMs is 0..2^32-1, not ${startMs}`);
    const random = seeded(seed);
    this.start = program;
    const clock = new DeviceClock(startMs, {
      run: call => this.run(call),
      stuck: () => this.stuck(`it looks at the clock ${MOST_LOOKS} times`),
    });
    this.clock = clock;
    this.recorder = new Dialogue(this.clock, `seed ${seed}`);
    const chunking = (): Chunking => (split === "random" ? { seed: Math.floor(random() * 2 ** 32) } : split);
    const time = { date: () => clock.date(), timer: (due: () => void) => clock.unmeasured(due) };
    this.globals = new DeviceGlobals(time, random, line => this.recorder.note("device", `says ${line}`));
    this.platform = new Platform({
      dialogue: this.recorder,
      codecs,
      now: () => this.clock.elapsed,
      act: what => this.act(what),
      nextAttempt: () => this.nextDeadline(),
    });
    this.network = new DeviceNetwork(this.clock, random, {
      chunking,
      run: call => this.run(call),
      act: call => this.act(call),
      asked: link => this.platform.asked(link),
      note: (who, line) => this.recorder.note(who, line),
    });
    if (store) this.network.store = memoryStore();
    this.override = {
      ports: this.network,
      created: client => this.watch(client),
    };
    this.bench = { ports: this.network, options: Object.freeze({ ...TEST_DEVICE, ...own }) };
    (globalThis as Watched).onTestDevice?.(this);
    this.result = this.run(() => program(this.bench));
  }

  // --- the device ---

  /** What the program returned when it was started. */
  get program(): P {
    return this.result;
  }

  /** Calls a function of the program as the device would: a button is pressed, a sensor has a reading. */
  run<T>(call: () => T): T {
    const giveBack = this.switchIn();
    try {
      return call();
    } catch (error) {
      this.recorder.note("device", `throws ${error}`);
      throw error;
    } finally {
      giveBack();
      if (this.depth === 0) this.talk();
    }
  }

  /** Power off and on: connections are gone, timers too, what is in the store is not. The program is started anew. */
  restart(): this {
    this.recorder.note("device", "restarts");
    this.platform.cutOff();
    this.clock.clearAll();
    this.result = this.run(() => this.start(this.bench));
    return this;
  }

  /** For programs with promises: lets those that can go on do so, as the device. */
  async settle(): Promise<this> {
    const giveBack = this.switchIn();
    try {
      for (let turn = 0; turn < PROMISE_TURNS; turn++) await undefined;
    } finally {
      giveBack();
    }
    this.talk();
    return this;
  }

  // --- time ---

  /** Milliseconds since the device was switched on. */
  get now(): number {
    return this.clock.elapsed;
  }

  /** Lets time pass: whatever becomes due meanwhile happens at its time. */
  advance(ms: number): this {
    this.passing(() => this.clock.advance(ms));
    this.talk();
    return this;
  }

  /**
   * Goes from deadline to deadline until the device asks for a connection that waits for an answer; returns how long
   * that took in milliseconds. For how long the clients pause is random within limits.
   * @throws ExpectationError when it does not within `withinMs`
   */
  advanceToConnect(withinMs = LOOK_AHEAD_MS): number {
    if (!(withinMs >= 0)) throw new RangeError(`withinMs is 0 milliseconds or more, not ${withinMs}`);
    const from = this.now;
    this.passing(() => {
      while (!this.platform.waiting) {
        const wait = this.clock.pending[0];
        if (wait === undefined || this.now - from + wait > withinMs) {
          throw this.failure(`the device does not connect within ${withinMs} ms; ${this.nextDeadline()}`);
        }
        this.clock.jumpToNext();
      }
    });
    return this.now - from;
  }

  // --- the network ---

  /** The newest connection, with its fault switches; for the next one see `onConnection`. */
  get link(): FakeTransport {
    return this.network.link;
  }

  /** Sets fault switches of each connection from now on, before it comes up. */
  onConnection(prepare: ((link: FakeTransport) => void) | undefined): this {
    this.network.prepare = prepare;
    return this;
  }

  // --- what is expected ---

  /** Everything that happened, oldest first. */
  get entries(): readonly Entry[] {
    return this.recorder.entries;
  }

  /** The same for people, a line each. */
  get dialogue(): string {
    return this.recorder.lines().join("\n");
  }

  /** Events of the device so far, whether expected or not. */
  get events(): ReceivedEvent[] {
    return this.platform.received.flatMap(message => this.platform.event(message) ?? []);
  }

  /**
   * The oldest event of this name that was not expected yet; with these data, when given. Name the type of the data to use
   * them: `t.expectEvent<{ temp: number }>("status").data.temp`.
   * @throws ExpectationError with the dialogue: there is none, or it is another
   */
  expectEvent<T = unknown>(event: string, data?: Expected<T>, details: EventDetails = {}): ReceivedEvent<T> {
    const found = this.next(message => this.platform.event(message)?.event === event);
    if (!found) throw this.failure(`expected an event ${JSON.stringify(event)}, but ${this.unexpected()}`);
    const seen = this.platform.event(found) as ReceivedEvent<T>;
    this.compare(`event ${event}`, "data", seen.data, data);
    this.compare(`event ${event}`, "format", seen.format, details.format);
    this.compare(`event ${event}`, "QoS", seen.qos, details.qos);
    return seen;
  }

  /** All events so far were expected; or those of this name. */
  expectNoEvent(event?: string): this {
    const found = this.next(message => {
      const one = this.platform.event(message);
      return one !== undefined && (event === undefined || one.event === event);
    });
    if (!found) return this;
    const { event: name, data } = this.platform.event(found)!;
    throw this.failure(
      `expected no event${event === undefined ? "" : ` ${name}`}, but there was ${name} ${shown(data)}`,
    );
  }

  /** As expectEvent, for programs with an MqttClient: a message on this topic, with this text or these bytes. */
  expectMessage(topic: string, payload?: string | Uint8Array): Received {
    const found = this.next(message => message.topic === topic);
    if (!found) throw this.failure(`expected a message on ${topic}, but ${this.unexpected()}`);
    const got = typeof payload === "string" ? new TextDecoder().decode(found.payload) : found.payload;
    this.compare(`message on ${topic}`, "payload", got, payload);
    return found;
  }

  /** The device asks for a connection and waits for the answer. Returns where to. */
  expectConnecting(): Endpoint {
    if (!this.platform.waiting) throw this.failure(`expected that the device connects; ${this.nextDeadline()}`);
    return this.link.endpoint;
  }

  /** Lets `ms` pass, in which the device asks for no connection. */
  expectNoConnection(ms: number): this {
    if (this.platform.waiting) throw this.failure("expected no connection, but one waits for an answer");
    const before = this.network.links.length;
    const from = this.now;
    this.advance(ms);
    if (this.network.links.length > before) {
      throw this.failure(`expected no connection from ${from} ms to ${from + ms} ms, but the device asked for one`);
    }
    return this;
  }

  /** The device is connected, and has subscribed to this filter, or to one that covers this topic. */
  expectSubscribed(filter: string): this {
    if (!this.platform.connected)
      throw this.failure(`expected a subscription to ${filter}, but there is no connection`);
    const all = this.platform.subscriptions;
    if (!all.some(one => one === filter || (!/[+#]/.test(filter) && covers(one, filter)))) {
      throw this.failure(`expected a subscription to ${filter}, but there is ${all.join(", ") || "none"}`);
    }
    return this;
  }

  /** The device has broken no rule of the platform. */
  expectNoViolation(): this {
    const [first] = this.platform.violations;
    if (first !== undefined) throw this.failure(`the device has broken a rule: ${first}`);
    return this;
  }

  /** An error to throw from an expectation of your own: `message`, and the dialogue. */
  failure(message: string): Error {
    return this.recorder.failure(message);
  }

  // --- inside ---

  /** What runs now is the device, until the function that is returned is called. */
  private switchIn(): () => void {
    this.depth++;
    const giveBack = [this.globals.lend(), overridePorts(this.override)];
    return () => {
      this.depth--;
      for (const back of giveBack) back();
    };
  }

  /** What happens while time passes is the device's: its globals are lent once, not for each of a million timers. */
  private passing(happens: () => void): void {
    const giveBack = this.globals.lend();
    try {
      happens();
    } finally {
      giveBack();
    }
  }

  private watch(client: DeviceClient | MqttClient): void {
    // Until the program sets its own: what a callback throws would else be seen by nobody.
    client.errorCallback = error => this.recorder.note("device", `has no errorCallback for ${error}`);
    if ("publishEvent" in client) client.publishEvent = this.counted(client, client.publishEvent);
    else client.publish = this.counted(client, client.publish);
  }

  /** Thrown into the program, to get out of its loop, and again out of the test's call: a client may have caught it. */
  private stuck(how: string): Error {
    this.trouble = this.failure(`the device is stuck: ${how}, and no time passes`);
    return this.trouble;
  }

  /** A program that waits in a loop for room would wait for ever: nothing is sent before it returns. */
  private counted<A extends unknown[]>(client: unknown, publish: (...args: A) => boolean): (...args: A) => boolean {
    let refusals = 0;
    let atMs = 0;
    return (...args) => {
      if (publish.apply(client, args)) return true;
      if (atMs !== this.now) refusals = 0;
      atMs = this.now;
      if (++refusals > MOST_REFUSALS) {
        throw this.stuck(`it was told ${refusals} times that the outbox is full`);
      }
      return false;
    };
  }

  private next(fits: (message: Received) => boolean): Received | undefined {
    const found = this.platform.received.find(message => !this.seen.has(message) && fits(message));
    if (found) this.seen.add(found);
    return found;
  }

  private compare(what: string, part: string, actual: unknown, expected: unknown): void {
    if (expected === undefined) return;
    if (typeof expected === "function") {
      if (expected(actual)) return;
      throw this.failure(`${what}: the ${part} are not as expected: ${shown(actual)}`);
    }
    if (!same(actual, expected)) {
      throw this.failure(`${what}: expected ${part} ${shown(expected)}, but it was ${shown(actual)}`);
    }
  }

  private unexpected(): string {
    const rest = this.platform.received.filter(message => !this.seen.has(message));
    return rest.length ? `there were only ${rest.map(({ topic }) => topic).join(", ")}` : "there was none";
  }

  private nextDeadline(): string {
    if (this.platform.connected) return "it is connected";
    const wait = this.clock.pending[0];
    return wait === undefined ? "no timer of the device is set" : `its next timer is due in ${wait} ms`;
  }

  private act(what: () => void): void {
    const nested = this.talking;
    this.talking = true;
    try {
      what();
    } finally {
      this.talking = nested;
    }
    this.talk();
  }

  /** Both sides talk until they are quiet. */
  private talk(): void {
    if (this.talking) return;
    this.talking = true;
    try {
      for (let turns = 0; this.platform.step(); turns++) {
        if (turns > MOST_TURNS) throw this.failure("device and platform talk without end, and no time passes");
      }
    } finally {
      this.talking = false;
    }
    const { trouble } = this;
    this.trouble = undefined;
    if (trouble) throw trouble;
  }
}

/** Its timers call the device. */
class DeviceClock extends FakeClock {
  private readonly hub: { run(call: () => void): void; stuck(): Error };
  private looks = 0;
  private lookedAt = 0;

  constructor(startMs: number, hub: { run(call: () => void): void; stuck(): Error }) {
    super(startMs);
    this.hub = hub;
  }

  override now(): number {
    this.look();
    return super.now();
  }

  override date(): number {
    this.look();
    return super.date();
  }

  override timer(due: () => void): Timer {
    return this.unmeasured(measured("clock.timer", due));
  }

  /** For timers that are measured by another name. */
  unmeasured(due: () => void): Timer {
    return super.timer(() => this.hub.run(due));
  }

  /** A program that waits in a loop until it is later would wait for ever. */
  private look(): void {
    if (this.lookedAt !== this.elapsed) this.looks = 0;
    this.lookedAt = this.elapsed;
    if (++this.looks > MOST_LOOKS) throw this.hub.stuck();
  }
}

interface Hub {
  /** Calls the device. */
  run(call: () => void): void;
  /** Does something to the device from outside. */
  act(call: () => void): void;
  asked(link: FakeTransport): void;
  note(who: "network" | "platform", line: string): void;
  chunking(): Chunking;
}

class DeviceNetwork extends FakeNetwork {
  /** Sees each connection before anything happens to it. */
  prepare: ((link: FakeTransport) => void) | undefined;
  private readonly chanceOf: () => number;
  private readonly hub: Hub;

  constructor(clock: FakeClock, chanceOf: () => number, hub: Hub) {
    super(clock);
    this.chanceOf = chanceOf;
    this.hub = hub;
  }

  override open(endpoint: Endpoint, listener: TransportListener): FakeTransport {
    if (this.refuseToOpen) throw this.refuseToOpen;
    const link = new DeviceLink(endpoint, listener, this.hub);
    link.chunking = this.hub.chunking();
    this.prepare?.(link);
    this.links.push(link);
    this.hub.asked(link);
    return link;
  }

  override random(): number {
    return this.chanceOf();
  }
}

class DeviceLink extends FakeTransport {
  private readonly hub: Hub;

  constructor(endpoint: Endpoint, listener: TransportListener, hub: Hub) {
    super(endpoint, new ListenerThrough(hub.run, listener));
    this.hub = hub;
  }

  override receives(...parts: Uint8Array[]): void {
    this.hub.act(() => super.receives(...parts));
  }

  override ends(reason?: string): void {
    if (!this.alive) return;
    if (reason === undefined) this.hub.note("platform", "closes the connection");
    else this.hub.note("network", `the connection is gone: ${reason}`);
    super.ends(reason);
  }
}
