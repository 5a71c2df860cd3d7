// A device with everything around it in memory: the link, the clock, the application and its moods, the server that plays
// a plan. Every word between them goes through the model. Runs on Node and in XS alike: nothing here is an engine's own.

import type { DeviceClient } from "../../../src/device/client.ts";
import type { Endpoint, Ports, Timer, TransportListener } from "../../../src/ports.ts";
import { bytesOf, EVENT_NAMES, type Known, struck } from "./frames.ts";
import { MAX_ACKNOWLEDGEMENTS, MAX_WAITING_COMMANDS, Model, payloadOf, type Told } from "./model.ts";
import type { Plan, Planned, Step } from "./plan.ts";
import { Random } from "./random.ts";
import { PUBACK, PUBCOMP, PUBREC } from "./reference.ts";

export interface Library {
  DeviceClient: new (options: object, ports: Ports) => DeviceClient;
}

/** Hears what the client sends, for a second opinion. */
export interface Witness {
  opened(): void;
  sent(bytes: Uint8Array): void;
}

const OPTIONS = {
  org: "abc123",
  type: "thermo",
  id: "t-01",
  "auth-method": "token",
  "auth-token": "0123456789",
  host: "far.test",
  tls: false,
};

/** How deep callbacks may call what calls callbacks, and how much of that there is in a step. */
const DEPTH = 3;
const ACTIONS = 12;
/** Of events.ts. */
const MAX_CACHED_TOPICS = 4;
/** Room that no step uses up. */
const AMPLE = 1e8;

interface Link {
  listener: TransportListener;
  up: boolean;
  closed: boolean;
}

export class Stage {
  readonly model: Model;
  /** Packets damaged on purpose, in what was delivered. */
  mutated = 0;
  chunks = 0;
  /** What went over the link, for people; only while it is wanted. */
  log: string[] | undefined;
  private readonly plan: Plan;
  private readonly client: DeviceClient;
  private readonly witness: Witness | undefined;
  private link: Link | undefined;
  private room = Number.POSITIVE_INFINITY;
  private due = -1;
  private timer: () => void = () => {};
  private random = new Random(0);
  private waiting: number[] = [];
  private lastMessage = 0;
  private lastId = 0;
  private depth = 0;
  private actions = 0;
  private orderly = false;
  private thrown: unknown[] = [];
  /** Nesting of errorCallback. */
  private errorDepth = 0;
  private leaving = 0;

  constructor(lib: Library, plan: Plan, witness?: Witness) {
    this.plan = plan;
    this.witness = witness;
    this.model = new Model(plan);
    const options = { ...OPTIONS, limits: plan.limits, "clean-session": plan.clean, "keep-alive": plan.keepAlive };
    this.client = new lib.DeviceClient(options, this.ports());
    this.callbacks();
    this.listen();
  }

  // --- the ports ---------------------------------------------------------------------------------------------------

  private ports(): Ports {
    return {
      open: (_: Endpoint, listener) => this.open(listener),
      clock: { now: () => 0, date: () => 1489453323456, timer: due => this.timerOf(due) },
      random: () => 0.5,
    };
  }

  private timerOf(due: () => void): Timer {
    this.timer = due;
    return {
      set: delayMs => {
        if (!(delayMs >= 0 && delayMs < 2 ** 31)) this.model.fail(`timer set to ${delayMs} ms`);
        this.due = delayMs;
      },
      clear: () => {
        this.due = -1;
      },
    };
  }

  private open(listener: TransportListener) {
    this.model.open();
    this.witness?.opened();
    this.note("opens");
    const link: Link = { listener, up: false, closed: false };
    const stage = this;
    this.link = link;
    this.waiting = [];
    this.room = Number.POSITIVE_INFINITY;
    return {
      get writable() {
        return link.up && !link.closed ? stage.room : 0;
      },
      write: (bytes: Uint8Array) => this.write(link, bytes),
      close: (closed?: () => void) => {
        this.close(link);
        closed?.();
      },
    };
  }

  private write(link: Link, bytes: Uint8Array): void {
    const { model } = this;
    if (link !== this.link || link.closed || !link.up) return model.fail("wrote to a link that is not up");
    if (bytes.length > this.room) return model.fail(`wrote ${bytes.length} bytes where ${this.room} are taken`);
    this.room -= bytes.length;
    if (this.room === 0) model.jammed = true;
    this.note("client", bytes);
    model.wrote(bytes);
    try {
      this.witness?.sent(bytes);
    } catch (error) {
      model.fail(`${error}`);
    }
  }

  private close(link: Link): void {
    if (link.closed || link !== this.link) return;
    this.note("client closes");
    link.closed = true;
    this.model.closed();
  }

  // --- the application ---------------------------------------------------------------------------------------------

  private callbacks(): void {
    const { client, model } = this;
    client.connectedCallback = () => {
      try {
        this.told(() => model.toldConnected());
      } finally {
        model.connectedReturned();
      }
    };
    client.disconnectedCallback = (reason, retryMs) => {
      this.note(`disconnected: ${reason}, ${retryMs}`);
      this.told(() => model.toldDisconnected(reason, retryMs >= 0));
    };
    client.errorCallback = error => {
      const at = this.thrown.indexOf(error);
      if (at >= 0) this.thrown.splice(at, 1);
      // What is thrown from here, nobody is told.
      this.errorDepth++;
      try {
        this.told(() => at >= 0 || model.toldError(error));
      } catch (thrown) {
        this.thrown = this.thrown.filter(one => one !== thrown);
        throw thrown;
      } finally {
        this.errorDepth--;
      }
    };
  }

  private listen(): void {
    this.model.listening = true;
    this.client.commandCallback = command => {
      this.note(`command ${command.command}`);
      this.told(() => this.model.toldCommand(command as Told));
    };
  }

  private deaf(): void {
    this.model.listening = false;
    this.client.commandCallback = undefined;
  }

  // In every callback: the model first, then whatever comes to the application's mind.
  private told(check: () => void): void {
    check();
    const { unruly } = this.plan;
    if (this.orderly || !unruly || this.depth >= DEPTH || this.actions >= ACTIONS || !this.random.once(unruly)) return;
    this.actions++;
    this.depth++;
    try {
      this.mischief();
    } finally {
      this.depth--;
    }
  }

  private mischief(): void {
    const { random } = this;
    switch (random.below(8)) {
      case 0:
        return this.disconnect();
      case 1:
        return this.connect();
      case 2:
        this.disconnect();
        return this.connect();
      case 3:
        // Going deaf is a step of its own: which commands came before it could not be seen here.
        if (this.model.listening) this.listen();
        return;
      case 4:
        return this.throwing(random.once(2) ? new Error("application") : "no error at all");
      default:
        return this.publish(random.below(3) as 0 | 1 | 2, 4 + random.below(200), random.below(EVENT_NAMES.length));
    }
  }

  private throwing(what: unknown): never {
    if (this.errorDepth < 2) this.thrown.push(what); // deeper ones are not reported
    throw what;
  }

  private connect(): void {
    this.note("connect()");
    this.model.connectCalled();
    this.client.connect();
    this.model.connectReturned();
  }

  private disconnect(): void {
    this.note("disconnect()");
    this.leaving++;
    let calls = 0;
    this.model.disconnectCalled();
    this.client.disconnect(() => {
      this.leaving--;
      if (++calls > 1) this.model.fail("told of disconnect() twice");
      this.told(() => {});
    });
  }

  private publish(qos: 0 | 1 | 2, size: number, event: number): void {
    const n = ++this.lastMessage;
    const { model } = this;
    this.note(`publish ${n}, QoS ${qos}, ${size} bytes`);
    const attempt = model.publishing(n, qos, this.errorDepth > 1);
    try {
      const done = (error?: Error) => {
        this.note(`message ${n}: ${error ?? "done"}`);
        this.told(() => model.toldPublished(n, error));
      };
      const accepted = this.client.publishEvent(EVENT_NAMES[event]!, "raw", payloadOf(n, size), qos, done);
      model.published(attempt, accepted);
    } catch (error) {
      model.notPublished(n, error);
    }
  }

  // --- the plan ----------------------------------------------------------------------------------------------------

  /** Plays the plan to its end or the first failure; returns the number of steps taken. */
  play(steps: readonly Planned[]): number {
    for (let i = 0; i < steps.length; i++) {
      this.random = new Random(steps[i]!.seed);
      this.actions = 0;
      this.guarded(() => this.take(steps[i]!.step));
      if (this.model.failure || this.model.unclear) return i + 1;
    }
    return steps.length;
  }

  // What the client lets out is nobody's to catch on a device.
  private guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.model.fail(`uncaught ${error} ${(error as Error).stack}`);
    }
    this.settled();
  }

  private take(step: Step): void {
    switch (step.do) {
      case "frame":
        return this.frame(step);
      case "deliver":
        return this.deliver(Math.ceil((this.waiting.length * step.share) / 8), step.cut);
      case "publish":
        return this.publish(step.qos, Math.max(4, step.size), step.event);
      case "connect":
        return this.connect();
      case "disconnect":
        return this.disconnect();
      case "listen":
        return this.listen();
      case "deaf":
        return this.deaf();
      case "end":
        return this.end();
      case "jump":
        return this.jump();
      case "settle":
        return this.settle();
      case "room":
        return this.makeRoom(step.bytes, step.told);
    }
  }

  private get alive(): boolean {
    const { link } = this;
    return link ? link.up && !link.closed : false;
  }

  private frame(step: Step & { do: "frame" }): void {
    if (!this.alive) return;
    this.note(`server ${JSON.stringify(step.frame)} ${step.times} times, blows ${JSON.stringify(step.blows)}`);
    for (let times = step.times; times > 0; times--) {
      const bytes = bytesOf(step.frame, this.known, () => this.random.word());
      if (!bytes) continue;
      if (step.blows.length) this.mutated++;
      for (const byte of struck(bytes, step.blows)) this.waiting.push(byte);
    }
  }

  private readonly known: Known = {
    inflight: nth => {
      const { inflight } = this.model;
      const one = inflight[nth % inflight.length];
      return one && { id: one.id, awaits: one.qos === 1 ? PUBACK : one.released ? PUBCOMP : PUBREC };
    },
    unreleased: nth => this.model.received[nth % this.model.received.length],
    newId: () => {
      this.lastId = (this.lastId % 65535) + 1;
      return this.lastId;
    },
    subscribeId: () => this.model.subscribeId || this.model.nextId,
  };

  private deliver(count: number, cut: "whole" | "bytes" | "random"): void {
    const bytes = Uint8Array.from(this.waiting.splice(0, count));
    for (let at = 0; at < bytes.length && this.alive; ) {
      const size = cut === "whole" ? bytes.length : this.chunkSize(cut, at, bytes.length);
      this.receive(bytes.slice(at, at + size));
      at += size;
    }
    if (!this.alive) this.waiting = [];
  }

  // Single bytes where they may matter; not all through a long payload.
  private chunkSize(cut: "bytes" | "random", at: number, length: number): number {
    const { random } = this;
    if (cut === "bytes" && at < 60) return 1;
    return 1 + random.below(cut === "bytes" ? 1 + (length >> 4) : random.pick([2, 8, 40, 1 + (length >> 2)]));
  }

  private receive(chunk: Uint8Array): void {
    this.chunks++;
    this.note("server", chunk);
    this.model.chunk(chunk);
    this.link!.listener.received(chunk);
    chunk.fill(0xaa);
    this.model.settled();
  }

  private end(): void {
    const { link, model } = this;
    if (!link || link.closed) return;
    this.note("server closes");
    link.up = false;
    model.cause = "peer";
    link.listener.closed("ECONNRESET");
    model.cause = undefined;
    if (!link.closed) model.fail("did not let go of a link that has ended");
  }

  private jump(): void {
    if (this.due < 0) return;
    this.note("timer");
    this.due = -1;
    this.model.cause = "timer";
    this.timer();
    this.model.ticked();
    this.model.cause = undefined;
  }

  private makeRoom(bytes: number, told: boolean): void {
    if (!this.alive) return;
    this.note(`room for ${bytes}`);
    this.room = bytes;
    this.model.jammed = true;
    if (!told || !bytes) return;
    this.link!.listener.writableAgain();
    // From here on it is as if there had been room all the time.
    if (this.alive && this.room > AMPLE) this.model.jammed = false;
  }

  /** From whatever state to a link that is up. */
  private settle(): void {
    if (this.model.state !== "reconnect-wait" && this.model.state !== "connected") this.connect();
    if (this.model.state === "reconnect-wait") this.jump();
    const { link } = this;
    if (!link || link.closed || link.up) return;
    link.up = true;
    this.note("opened");
    this.model.opened();
    link.listener.opened();
  }

  // --- what must hold after every step -----------------------------------------------------------------------------

  private settled(): void {
    const { model, client } = this;
    model.settled();
    if (this.thrown.length && !model.failure) model.fail(`${this.thrown.length} errors of callbacks were not reported`);
    this.thrown = [];
    if (client.connected !== (model.state === "connected"))
      model.fail(`connected ${client.connected} in ${model.state}`);
    if (this.due < 0 && model.state !== "idle") model.fail(`hangs: no deadline in ${model.state}`);
    if (this.due >= 0 && model.state === "idle") model.fail("a deadline is left");
    if (this.leaving && model.state === "idle") model.fail("did not tell that disconnect() is done");
    this.ceilings();
  }

  // Counters the client shows, and, because some ceilings have none, fields of its parts by their names in src.
  private ceilings(): void {
    const { plan, model } = this;
    const { limits } = plan;
    const { connection, commands, events } = this.client as unknown as Innards;
    const { session } = connection;
    const { decoder, buffer } = connection.link;
    const { publisher, acknowledgements, received, subscriptions } = session;
    const largest = Math.max(700, limits.transmitBytes * 2 + 100);
    this.within("buffered of a packet", decoder.partial ? decoder.partial.length : 0, Math.max(5, limits.frameBytes));
    this.within("acknowledgements", acknowledgements ? acknowledgements.queue.length : 0, MAX_ACKNOWLEDGEMENTS);
    this.within("received ids", received ? received.known.count : 0, model.received.length);
    this.within("in flight", publisher.inflight.count, limits.inflight);
    this.within("queued", publisher.outbox.count, limits.queuedMessages + 1);
    this.within("bytes queued", bytesIn(publisher), Math.max(limits.queuedBytes, largest) + largest);
    this.within("requests", subscriptions.requests.length, 1);
    this.within("in the buffer", buffer.used, limits.transmitBytes);
    this.within("commands waiting", commands.waiting ? commands.waiting.length : 0, MAX_WAITING_COMMANDS);
    this.within("topics cached", countOf(events.newest), Math.min(EVENT_NAMES.length, MAX_CACHED_TOPICS));
    if (!this.model.up && (decoder.partial || decoder.oversize || acknowledgements || buffer.used)) {
      this.model.fail("holds what belonged to a connection");
    }
  }

  private within(what: string, value: number, limit: number): void {
    // Not a number: src has another name for it now.
    if (!(value >= 0 && value <= limit)) this.model.fail(`${value} ${what}, limit ${limit}`);
  }

  /**
   * After all that: a server without fault. Everything accepted is confirmed, a command arrives, and after disconnect()
   * nothing is left.
   */
  finish(): void {
    this.orderly = true;
    this.random = new Random(1);
    const { model } = this;
    this.guarded(() => this.makeRoom(2 * AMPLE, true));
    this.guarded(() => this.end());
    if (!this.model.listening) this.guarded(() => this.listen());
    // Twice: a link that was opening may have ended just now.
    for (let i = 0; i < 2; i++) this.guarded(() => this.settle());
    this.guarded(() => this.answer([0x20, 2, 0, 0]));
    this.guarded(() => this.answer([0x90, 3, model.subscribeId >> 8, model.subscribeId & 255, 1]));
    for (let rounds = 0; model.inflight.length && !model.failure; rounds++) {
      if (rounds > 400) model.fail("does not come to an end");
      this.guarded(() => this.answerOne());
    }
    this.guarded(() => this.answer(bytesOf(LAST, this.known, () => 0)!));
    if (!model.failure && model.unconfirmed) model.fail(`${model.unconfirmed} messages are not through`);
    this.guarded(() => this.disconnect());
    const { publisher } = (this.client as unknown as Innards).connection.session;
    if (bytesIn(publisher) || publisher.outbox.count || this.client.counters.inflight)
      this.model.fail("counts what is not there");
    if (model.state !== "idle") model.fail(`${model.state} after disconnect()`);
  }

  private answerOne(): void {
    const next = this.known.inflight(0)!;
    this.answer([next.awaits << 4, 2, next.id >> 8, next.id & 255]);
  }

  private answer(bytes: number[]): void {
    if (this.alive) this.receive(Uint8Array.from(bytes));
  }

  private note(what: string, bytes?: Uint8Array): void {
    if (!this.log) return;
    const shown = bytes ? Array.from(bytes.subarray(0, 64), byte => byte.toString(16).padStart(2, "0")).join(" ") : "";
    this.log.push(`${what}${bytes ? ` ${bytes.length}: ${shown}${bytes.length > 64 ? " ..." : ""}` : ""}`);
  }
}

const LAST = { type: "publish", qos: 2, dup: false, retain: false, topic: 0, size: 20, id: -1, noise: false } as const;

/** Private fields of the client that bounds are about. */
interface Innards {
  connection: {
    link: { decoder: { partial: Uint8Array | undefined; oversize: object | undefined }; buffer: { used: number } };
    session: {
      publisher: PublisherInnards;
      acknowledgements: { queue: unknown[] } | undefined;
      received: { known: { count: number } } | undefined;
      subscriptions: { requests: unknown[] };
    };
  };
  commands: { waiting: unknown[] | undefined };
  events: { newest: Linked | undefined };
}

interface Linked {
  next: Linked | undefined;
}

interface PublisherInnards {
  outbox: { count: number; bytes: number };
  inflight: { count: number; bytes: number };
}

function countOf(first: Linked | undefined): number {
  let count = 0;
  for (let one = first; one; one = one.next) count++;
  return count;
}

function bytesIn({ outbox, inflight }: PublisherInnards): number {
  return outbox.bytes + inflight.bytes;
}
