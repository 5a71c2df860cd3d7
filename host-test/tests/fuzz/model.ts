// What a client must do with what it was sent, step by step: MQTT 3.1.1 chapter 4 from the client's side, and the promises
// of DeviceClient to its application. It runs in lockstep: whatever the client does (tells, writes, closes) is held
// against the packets it has been sent up to there, so a callback may change the course in the middle of a chunk.
//
// Where it cannot know, it says so: a packet id that the client may have given to a message not seen on the wire yet
// ("blurred") may be acknowledged with any outcome.

import { type ClientPacket, ClientStream, TYPE_NAMES } from "./client-stream.ts";
import { type Expectation, expectedOf, sameCommand } from "./delivery.ts";
import type { Plan } from "./plan.ts";
import * as T from "./reference.ts";

export type State = "idle" | "opening" | "awaiting-connack" | "connected" | "disconnecting" | "reconnect-wait";

interface InFlight {
  id: number;
  n: number;
  qos: number;
  released: boolean;
  /** Seen on this connection. */
  fresh: boolean;
  /** PUBREC came while PUBLISH was perhaps in the buffer a second time: then it may leave once more, before PUBREL. */
  buffered: boolean;
  blurred: boolean;
}

interface Message {
  qos: number;
  /** PUBLISH was seen on the wire at least once. */
  seen: boolean;
  /** publishEvent has returned true. */
  accepted: boolean;
}

/** Why a connection is over, as the application must hear it. */
interface End {
  codes: (string | undefined)[];
  retry: boolean;
  faults: T.Faults;
}

interface Ack {
  type: number;
  id: number;
  /** What has to be told first. */
  behind?: Expectation | undefined;
}

export const MAX_ACKNOWLEDGEMENTS = 64;
/** With more unreleased messages than this, those that the server has not sent again are forgotten. */
const TOLERATED_UNRELEASED = 128;
/** Closings by the server in a row before a message is reported. */
const SUSPICIOUS_CLOSINGS = 3;
export const MAX_WAITING_COMMANDS = 10;

/** A call of publishEvent, until it returns. */
export interface Attempt {
  n: number;
  /** The client is not active: it has to refuse. */
  refused: boolean;
  /** errorCallback has heard of a refusal and no event was accepted since, or it is too deep in itself to hear more. */
  silent: boolean;
  /** errorCallback heard of this refusal. */
  heard: boolean;
}

/** What the application was told of a command. */
export interface Told {
  command: string;
  format: string;
  data: unknown;
}

export class Model {
  state: State = "idle";
  /** The first thing that was wrong. */
  failure: string | undefined;
  inflight: InFlight[] = [];
  received: number[] = [];
  /** How many at its front are of earlier connections, and not mentioned on this one. */
  private old = 0;
  owed: Ack[] = [];
  subscribeId = 0;
  frames = 0;
  malformed = 0;
  /** The packet id that the next SUBSCRIBE is likely to have. */
  nextId = 0x8000;
  /** Texts of protocol errors, without their numbers. */
  readonly texts = new Map<string, number>();
  /** Whether the application listens to commands; if not, the client keeps some for it. */
  listening = false;
  /** The client refused one of several packets, and which cannot be seen: nothing can be said of what follows. */
  unclear = false;
  /** Why the client may close by itself now: a deadline, or the far end. */
  cause: "timer" | "peer" | undefined;
  /** The link did not take everything at some time. */
  jammed = false;

  private readonly plan: Plan;
  private server = new T.ServerStream(0);
  private client = new ClientStream();
  private queue: T.Verdict[] = [];
  private expected: Expectation[] = [];
  private ends: End[] = [];
  private ending: End | undefined;
  private alive = false;
  private greeted = false;
  private bye = false;
  /** The client may have refused the last packet: what is behind it waits until it is seen that it has not. */
  private doubt = false;
  /** An id was acknowledged on this connection that a message may have had. */
  private strayAcks = false;
  /** Such ids, of messages that were never on the wire. */
  private readonly strayIds: number[] = [];
  private mayPing = false;
  private resendDup = false;
  private readonly messages = new Map<number, Message>();
  /** Confirmed before their PUBLISH was seen on this connection: it may have been written all the same. */
  private ghosts: { n: number; id: number }[] = [];
  /** Numbers of ghosts whose payload may still be on its way: they are told when it has left. */
  private readonly unhurried = new Set<number>();
  /** Blurred ids acknowledged in this step, or since the client has bytes that wait. */
  private credits: number[] = [];
  private mustDrop: number[] = [];
  private subscribed: "no" | "yes" | "maybe" = "no";
  private subscribeDue = false;
  /** CONNECT packets since CONNACK 0: with more than one, nobody knows what became of the server's session. */
  private attempts = 0;
  /** disconnect() was called before CONNACK, with something to send: it takes effect once that is under way. */
  private farewell = false;
  /** The last attempt or connection failed: connect() waits as long as a retry would. */
  private failing = false;
  /** The client has finished or has refused a packet: it tells the same, and connect() shows which. */
  private undecided = false;
  /** Connections that the server closed, in a row. */
  private closings = 0;
  /** Value of `closings` when the client suspected a message last. */
  private suspectedAt = 0;
  /** A deadline has passed on this connection: what is not acknowledged may be sent again. */
  private late = false;
  /** errorCallback was told that the server answers QoS 2 with PUBACK. */
  private qos1Told = false;
  /** connect() was called. */
  private started = false;
  /** The client has refused an event, told errorCallback, and accepted none since. */
  private rejecting = false;
  /** The latest call of publishEvent. */
  private attempt: Attempt | undefined;
  private lastFirst = -1;
  private kept: T.ServerPacket[] = [];
  /** Of some in `kept` it is not known whether they could be decoded. */
  private keptBlurred = false;

  constructor(plan: Plan) {
    this.plan = plan;
  }

  fail(text: string): void {
    if (!this.unclear) this.failure ??= text;
  }

  get unconfirmed(): number {
    return this.messages.size;
  }

  get unfinished(): number {
    return this.client.unfinished;
  }

  /** Whether the client may still take bytes. */
  get up(): boolean {
    return this.alive;
  }

  // --- what the application does -----------------------------------------------------------------------------------

  connectCalled(): void {
    this.started = true;
    if (this.state === "idle") this.rejecting = false;
    if (this.state === "idle") this.state = this.failing ? "reconnect-wait" : "opening";
    else if (this.state === "disconnecting") this.state = "connected";
    this.farewell = false;
  }

  connectReturned(): void {
    if (this.undecided && this.state === "opening" && !this.alive) {
      this.failing = true;
      this.state = "reconnect-wait";
    }
    if (this.state !== "idle") this.undecided = false;
  }

  disconnectCalled(): void {
    for (const one of this.expected) if (one.kind === "connected") one.optional = true;
    const greets = this.state === "opening" || this.state === "awaiting-connack";
    if (greets && this.somethingLeft()) this.farewell = true;
    else if (greets || this.state === "reconnect-wait") this.leave();
    else if (this.state === "connected") {
      this.state = "disconnecting";
      this.farewell = false;
    }
  }

  /** The application has returned from being told that it is connected. */
  connectedReturned(): void {
    if (this.farewell) this.disconnectCalled();
  }

  private somethingLeft(): boolean {
    for (const n of this.messages.keys()) if (this.mustDrop.indexOf(n) < 0) return true;
    return false;
  }

  // disconnect() where there is nothing to finish.
  private leave(): void {
    this.bye = this.state === "awaiting-connack";
    this.ended({ codes: [undefined], retry: false, faults: [] }, "idle");
  }

  /** @param unheard called from so deep in errorCallback that it hears no more */
  publishing(n: number, qos: number, unheard: boolean): Attempt {
    this.messages.set(n, { qos, seen: false, accepted: false });
    const refused = this.state === "idle" || this.state === "disconnecting" || this.farewell;
    this.attempt = { n, refused, silent: this.rejecting || unheard, heard: false };
    return this.attempt;
  }

  /** publishEvent returned. */
  published(attempt: Attempt, accepted: boolean): void {
    const { n, refused, silent, heard } = attempt;
    if (!this.started) this.fail(`publishEvent returned ${accepted} before connect()`);
    const message = this.messages.get(n);
    if (accepted) {
      this.rejecting = false;
      if (message) message.accepted = true;
      if (refused) this.fail(`took message ${n} while ${this.state}`);
      if (heard) this.fail(`took message ${n}, and said that it did not`);
      return;
    }
    if (!heard && !this.messages.delete(n)) this.fail(`message ${n} was confirmed and then not accepted`);
    if (heard === silent) this.fail(`refused message ${n}, and told errorCallback ${heard ? "again" : "nothing"}`);
  }

  /** publishEvent threw: allowed before the first connect() only. */
  notPublished(n: number, error: unknown): void {
    this.messages.delete(n);
    const code = (error as { code?: string } | undefined)?.code;
    if (this.started || code !== "not-connected") this.fail(`publishEvent threw ${error} while ${this.state}`);
  }

  // errorCallback hears why publishEvent is about to return false.
  private toldRejection(code: string): void {
    const { attempt } = this;
    if (!attempt || attempt.heard || attempt.silent) return this.fail(`told of error ${code} without a refusal`);
    if (code !== (attempt.refused ? "not-connected" : "limit")) this.fail(`refused for ${code} while ${this.state}`);
    if (!this.messages.delete(attempt.n)) this.fail(`message ${attempt.n} was confirmed and then not accepted`);
    attempt.heard = true;
    this.rejecting = true;
  }

  // --- what the link does ------------------------------------------------------------------------------------------

  open(): void {
    if (this.state === "reconnect-wait" && this.cause === "timer") this.state = "opening";
    if (this.state !== "opening") this.fail(`opens a link while ${this.state}`);
    if (this.alive) this.fail("opens a link beside another");
    this.alive = true;
    this.undecided = false;
    this.greeted = false;
    this.bye = false;
    this.ending = undefined;
    this.queue = [];
    this.owed = [];
    this.ghosts = [];
    this.doubt = false;
    this.strayAcks = false;
    this.mayPing = false;
    this.jammed = false;
    this.late = false;
    this.server = new T.ServerStream(this.plan.limits.frameBytes);
    this.client = new ClientStream();
    this.subscribeId = 0;
  }

  opened(): void {
    this.state = "awaiting-connack";
    this.attempts++;
  }

  chunk(bytes: Uint8Array): void {
    for (const verdict of this.server.push(bytes)) this.queue.push(verdict);
  }

  /** The client has returned from what it was told: all of it must have been done. */
  settled(): void {
    this.sync();
    while (this.alive && this.believe());
    if (this.ending && this.alive) this.fail(`took what it had to refuse: ${this.ending.faults.join(" ")}`);
    for (const one of this.expected) if (!one.optional) this.fail(`did not tell ${describe(one)}`);
    if (this.listening && this.kept.length && !this.keptBlurred) this.fail(`kept ${this.kept.length} commands`);
    if (this.listening) this.kept = [];
    if (!this.kept.length) this.keptBlurred = false;
    for (const end of this.ends) this.fail(`did not tell the end: ${end.codes.join("|")}`);
    for (const n of this.mustDrop) this.fail(`message ${n} was dropped without a word`);
    this.expected = [];
    this.ends = [];
    this.mustDrop = [];
    if (!this.alive || this.state !== "connected" || this.jammed) return;
    this.nothingLeft();
    this.credits = [];
  }

  // With room for everything.
  private nothingLeft(): void {
    if (this.owed.length) this.fail(`owes ${this.owed.map(told).join()}`);
    if (this.client.unfinished) this.fail(`stops within a packet, ${this.client.unfinished} bytes`);
    if (this.subscribeDue) this.fail("did not subscribe");
    for (const one of this.inflight) if (!one.fresh) this.fail(`did not send message ${one.n} again`);
    for (const n of this.unhurried) this.fail(`did not tell done ${n}`);
  }

  /** The client wrote. */
  wrote(bytes: Uint8Array): void {
    if (!this.alive) return this.fail("wrote after the end of the connection");
    if (!bytes.length) return this.fail("wrote nothing");
    try {
      const packets = this.client.push(bytes);
      this.sync(); // what came before may have been for ids that are on the wire only now
      for (const packet of packets) this.sent(packet);
    } catch (error) {
      this.fail(`sent ${(error as Error).message}`);
    }
  }

  /** The client closed the link. */
  closed(): void {
    if (!this.alive) return; // closing twice is allowed
    this.sync();
    if (this.cause) while (this.believe());
    this.alive = false;
    // disconnect() before CONNACK has been taken note of already.
    if (this.state === "idle" || this.state === "reconnect-wait") return;
    const perhaps = this.perhaps();
    const leaving = this.state === "disconnecting";
    const finished = this.bye || this.cause === "timer";
    const jammed = this.jammed && this.cause !== "peer" && !this.ending;
    this.failing = !(leaving && (finished || jammed));
    this.undecided = leaving && !finished && jammed && perhaps.length + this.server.doom.length > 0;
    // At least as many as the client counts: it sees whether a message is in flight of which only a part was sent.
    if (this.cause === "peer" && this.state === "connected") this.closings++;
    if (this.cause === "peer") this.over(this.state === "opening" ? ["unreachable"] : ["closed", "takeover"]);
    else if (this.ending)
      this.refused({ ...this.ending, faults: [...this.ending.faults, ...perhaps] }, perhaps.length > 0);
    else if (this.state === "disconnecting" && (this.bye || this.jammed || this.cause === "timer"))
      this.over([undefined]);
    else if (this.cause === "timer") this.over(["timeout"]);
    else this.refusedEarly(perhaps);
  }

  // Faults that only the client knows to be there.
  private perhaps(): T.Faults {
    if (!this.doubt) return [];
    const faults = [/unexpected (puback|pubrec|pubcomp|unsuback)|SUBACK with|\d+ acknowledgements wait/];
    if (this.queue.length) {
      faults.push(/./); // or one further on
      this.unclear = true;
    }
    for (const one of this.expected) one.optional = true;
    return faults;
  }

  private refused(ending: End, blurred: boolean): void {
    if (this.owed.length && !this.jammed && !blurred) this.fail(`closed and owes ${this.owed.map(told).join()}`);
    if (this.state === "disconnecting" || (this.farewell && ending.retry)) this.over([]);
    else this.ended(ending, ending.retry ? "reconnect-wait" : "idle");
  }

  // Within a frame that cannot become right, or where only the client knows.
  private refusedEarly(perhaps: T.Faults): void {
    const faults = [...this.server.doom, ...perhaps];
    if (!faults.length) this.fail(`closed for no reason while ${this.state}`);
    this.malformed++;
    this.refused({ codes: ["protocol"], retry: true, faults }, perhaps.length > 0);
  }

  private over(codes: (string | undefined)[]): void {
    if (this.state === "disconnecting" || this.farewell) {
      this.ended({ codes: [undefined], retry: false, faults: [] }, "idle");
    } else this.ended({ codes, retry: true, faults: [] }, "reconnect-wait");
  }

  private ended(end: End, state: State): void {
    this.farewell = false;
    this.state = state;
    this.queue = [];
    this.expected = this.expected.filter(one => !one.optional);
    this.ends.push(end);
    if (state !== "idle" || !(this.plan.clean || end.codes[0])) return;
    for (const [n, message] of this.messages) {
      if (message.accepted && this.mustDrop.indexOf(n) < 0) this.mustDrop.push(n);
    }
  }

  // --- what the client tells ---------------------------------------------------------------------------------------

  toldConnected(): void {
    this.sync();
    const at = this.expected.findIndex(one => one.kind === "connected");
    if (at < 0) return this.fail("told of a connection that is none");
    this.expected.splice(0, at + 1);
  }

  toldDisconnected(reason: unknown, retry: boolean): void {
    const { code, message } = (reason ?? {}) as { code?: string; message?: string };
    const at = this.ends.findIndex(end => end.retry === retry && end.codes.indexOf(code) >= 0);
    if (at < 0) return this.fail(`ended with ${reason}, retry ${retry}, ${this.endsText()}`);
    const [end] = this.ends.splice(at, 1);
    if (code !== "protocol") return;
    const text = message!.replace(/\d+/g, "N");
    this.texts.set(text, (this.texts.get(text) ?? 0) + 1);
    if (!end!.faults.some(fault => fault.test(message!.replace(/^protocol error: /, "")))) {
      this.fail(`named "${message}", which was ${end!.faults.join(" or ")}`);
    }
  }

  private endsText(): string {
    return `not ${this.ends.map(end => `${end.codes.join("|")}, retry ${end.retry}`).join(" or ")}`;
  }

  toldCommand(told: Told): void {
    if (this.kept.length) return this.toldKept(told);
    const one = this.awaited(expected => expected.kind === "command");
    if (!one?.packet) return this.fail(`told of command ${told.command}, ${describe(one)}`);
    const fault = sameCommand(one.packet, told);
    if (fault) this.fail(fault);
  }

  // They come first.
  private toldKept(told: Told): void {
    let fault = "";
    do fault = sameCommand(this.kept.shift()!, told);
    while (fault && this.keptBlurred && this.kept.length);
    if (fault) this.fail(`kept, then ${fault}`);
  }

  toldError(error: unknown): void {
    const code = (error as { code?: string } | undefined)?.code;
    if (code === "limit" || code === "not-connected") return this.toldRejection(code);
    if (code === "undeliverable") {
      if (this.closings < SUSPICIOUS_CLOSINGS || this.closings === this.suspectedAt)
        this.fail(`told of error ${error}`);
      this.suspectedAt = this.closings;
      return;
    }
    this.sync();
    const asQos1 = () => code === "protocol" && !this.qos1Told && this.credits.length > 0;
    // The SUBACK may be one that is not believed yet, for a SUBSCRIBE that is not seen yet.
    const perhaps = () => asQos1() || (code === "subscribe" && this.subscribed === "maybe");
    if (!perhaps() && !this.awaited(expected => expected.errors.indexOf(code ?? "") >= 0, perhaps) && !perhaps())
      return this.fail(`told of error ${error}, ${describe(this.expected[0])}`);
    if (asQos1()) this.qos1Told = true;
  }

  // The next thing to be told, if it is of this kind; believing no more than it takes.
  private awaited(right: (one: Expectation) => boolean, enough = () => false): Expectation | undefined {
    this.sync();
    do {
      while (this.expected[0]?.optional && !right(this.expected[0])) this.expected.shift();
      if (this.expected.length) return right(this.expected[0]!) ? this.take(right) : undefined;
    } while (!enough() && this.believe());
    return undefined;
  }

  // What may have been told instead of the next thing that has to be, may have been that: then that is optional, too.
  private take(right: (one: Expectation) => boolean): Expectation {
    const one = this.expected.shift()!;
    const next = this.expected.find(other => !other.optional);
    if (one.optional && next && right(next)) next.optional = true;
    return one;
  }

  toldPublished(n: number, error: unknown): void {
    const message = this.messages.get(n);
    if (!message) return this.fail(`told of message ${n} again`);
    if (error) this.dropped(n);
    else if (message.qos === 0) this.handedOver(n);
    else this.confirmed(n);
    if (!error) this.mustDrop = this.mustDrop.filter(one => one !== n);
    this.messages.delete(n);
  }

  private dropped(n: number): void {
    const at = this.mustDrop.indexOf(n);
    if (at < 0) return this.fail(`dropped message ${n}`);
    this.mustDrop.splice(at, 1);
    this.inflight = this.inflight.filter(one => one.n !== n);
  }

  private handedOver(n: number): void {
    if (this.state === "awaiting-connack") this.sync();
    // One that has left may be told later, whatever has become of the connection.
    if (this.messages.get(n)!.seen) return;
    if (this.state !== "connected" && this.state !== "disconnecting")
      this.fail(`sent message ${n} while ${this.state}`);
  }

  private confirmed(n: number): void {
    if (this.state === "awaiting-connack") this.sync();
    const unhurried = () => this.unhurried.delete(n);
    if (unhurried()) return;
    if (
      this.awaited(
        one => one.kind === "done" && one.n === n,
        () => this.unhurried.has(n) || this.credited(n),
      )
    )
      return;
    if (unhurried()) return;
    if (!this.credited(n)) return this.fail(`message ${n} was not confirmed`);
    this.doubt = false;
    const at = this.inflight.findIndex(one => one.n === n);
    const one = at >= 0 ? this.inflight.splice(at, 1)[0]! : undefined;
    if (!one?.fresh || this.late) this.ghosts.push({ n, id: one ? one.id : 0 });
  }

  // Whether an acknowledgement of a blurred id may have been for this message.
  private credited(n: number): boolean {
    const one = this.inflight.find(other => other.n === n);
    return one ? one.blurred && this.credits.indexOf(one.id) >= 0 : this.credits.length > 0;
  }

  // --- what the server sent ----------------------------------------------------------------------------------------

  // As far as nothing waits to be told.
  private sync(): void {
    while (!this.doubt && this.queue.length && !this.ending && !this.expected.some(one => !one.optional)) {
      this.step();
      if (this.jammed && this.owed.length >= MAX_ACKNOWLEDGEMENTS) this.doubt = true;
    }
  }

  /** Takes it that the client has not refused what it might have. False: there was no doubt. */
  private believe(): boolean {
    if (!this.doubt) return false;
    this.doubt = false;
    this.sync();
    return true;
  }

  private step(): void {
    const verdict = this.queue.shift()!;
    this.frames++;
    const faults = verdict.faults ?? [];
    if (this.state === "awaiting-connack" && verdict.packet && verdict.packet.type !== T.CONNACK)
      faults.push(/before CONNACK/);
    if (faults.length) return this.refuse(...faults);
    const packet = verdict.packet!;
    if (this.state === "awaiting-connack") this.connack(packet);
    else this.packet(packet);
  }

  private refuse(...faults: T.Faults): void {
    this.malformed++;
    this.queue = [];
    this.ending = { codes: ["protocol"], retry: true, faults };
  }

  private connack(packet: T.ServerPacket): void {
    const code = packet.codes[1]!;
    if (code) {
      this.queue = [];
      this.ending = { codes: ["refused"], retry: code === 3, faults: [new RegExp(`code ${code}`)] };
      return;
    }
    const present = packet.codes[0] === 1 && !this.plan.clean;
    this.state = "connected";
    this.resendDup = present;
    if (!present) this.received = [];
    this.old = this.received.length;
    if (!present || this.attempts > 1) this.subscribed = "no";
    this.attempts = 0;
    this.subscribeDue = this.subscribed === "no";
    for (const one of this.inflight) {
      one.fresh = false;
      one.buffered = false;
      // Without a session PUBREC counts for nothing, from when the PUBLISH is written anew: that may not be seen.
      one.blurred = one.qos === 2 && (one.blurred || (one.released && !present));
    }
    this.expected.push({ kind: "connected", errors: [], optional: false });
  }

  private packet(packet: T.ServerPacket): void {
    const { id } = packet;
    switch (packet.type) {
      case T.PUBLISH:
        return this.incoming(packet);
      case T.PUBACK:
        return this.confirm(id, 1);
      case T.PUBREC:
        return this.record(id);
      case T.PUBCOMP:
        return this.confirm(id, 2);
      case T.PUBREL:
        this.released(id);
        this.owed.push({ type: T.PUBCOMP, id });
        return;
      case T.SUBACK:
      case T.UNSUBACK:
        return this.answer(packet);
      case T.PINGRESP:
        return;
      default:
        return this.refuse(/unexpected connack/);
    }
  }

  private incoming(packet: T.ServerPacket): void {
    const known = packet.qos === 2 && this.released(packet.id);
    if (packet.qos === 2) {
      this.received.push(packet.id);
      if (!known && this.received.length > TOLERATED_UNRELEASED) {
        this.received.splice(0, this.old);
        this.old = 0;
      }
    }
    const behind = known ? undefined : this.deliver(packet);
    if (packet.qos) this.owed.push({ type: packet.qos === 1 ? T.PUBACK : T.PUBREC, id: packet.id, behind });
  }

  private released(id: number): boolean {
    const at = this.received.indexOf(id);
    if (at < 0) return false;
    if (at < this.old) this.old--;
    this.received.splice(at, 1);
    return true;
  }

  private deliver(packet: T.ServerPacket): Expectation | undefined {
    const one = expectedOf(packet);
    if (one.kind === "command" && !this.listening) return this.keep(packet, one.errors.length > 0);
    this.expected.push(one);
    return one;
  }

  private keep(packet: T.ServerPacket, blurred: boolean): Expectation | undefined {
    if (blurred) this.keptBlurred = true;
    const room = this.keptBlurred || this.kept.length < MAX_WAITING_COMMANDS;
    if (room) this.kept.push(packet);
    if (room && !this.keptBlurred) return undefined;
    const one: Expectation = { kind: "error", errors: ["invalid-event"], optional: this.keptBlurred };
    this.expected.push(one);
    return one;
  }

  private confirm(id: number, qos: number): void {
    const one = this.find(id);
    if (!one) return;
    const asQos1 = qos === 1 && one.qos === 2 && !one.released;
    if (asQos1 && !this.qos1Told) {
      this.qos1Told = true;
      this.expected.push({ kind: "error", errors: ["protocol"], optional: false });
    }
    if (!asQos1 && (one.qos !== qos || (qos === 2 && !one.released))) {
      return this.refuse(new RegExp(`unexpected ${qos === 1 ? "puback" : "pubcomp"} for packet identifier ${id}`));
    }
    this.inflight.splice(this.inflight.indexOf(one), 1);
    const ghost = !one.fresh || this.late; // late: its second PUBLISH may be in the buffer
    if (ghost) {
      this.ghosts.push(one);
      this.unhurried.add(one.n);
    } else this.expected.push({ kind: "done", n: one.n, errors: [], optional: false });
  }

  private record(id: number): void {
    const one = this.find(id);
    if (one && one.qos !== 2) return this.refuse(new RegExp(`unexpected pubrec for packet identifier ${id}`));
    if (one) {
      one.released = true;
      one.buffered = !one.fresh || this.late;
    }
    this.owed.push({ type: T.PUBREL, id });
  }

  // Undefined: not in flight, or not known well enough.
  private find(id: number): InFlight | undefined {
    const one = this.inflight.find(other => other.id === id);
    if (one && !one.fresh && one.qos === 2) one.blurred = true;
    if (one ? !one.blurred : !this.unseen()) return one;
    this.doubt = true;
    this.strayAcks = true;
    this.credits.push(id);
    if (one) one.blurred = true;
    else this.strayIds.push(id);
    return undefined;
  }

  // Whether the client may have given an id to something that was not on the wire yet.
  private unseen(): boolean {
    if (this.subscribeDue) return true;
    for (const message of this.messages.values()) if (message.qos && !message.seen) return true;
    return false;
  }

  private answer(packet: T.ServerPacket): void {
    if (packet.id !== this.subscribeId) {
      if (!this.subscribeDue && this.subscribed !== "maybe") return;
      this.doubt = packet.type === T.UNSUBACK || packet.codes.length !== 1;
      this.subscribed = "maybe";
      return;
    }
    if (this.subscribed !== "no") {
      if (this.subscribed === "maybe") this.doubt = packet.type === T.UNSUBACK || packet.codes.length !== 1;
      return;
    }
    if (packet.type === T.UNSUBACK) return this.refuse(/unexpected unsuback/);
    if (packet.codes.length !== 1) return this.refuse(/SUBACK with \d+ codes for 1 filters/);
    this.subscribed = "yes";
    if (packet.codes[0] === 128) this.expected.push({ kind: "error", errors: ["subscribe"], optional: false });
  }

  // --- what the client sends ---------------------------------------------------------------------------------------

  private sent(packet: ClientPacket): void {
    const name = TYPE_NAMES[packet.type]!;
    if (this.bye && !(packet.type === 14 && this.state === "idle")) return this.fail(`sent ${name} after DISCONNECT`);
    if ((packet.type === 1) === this.greeted) return this.fail(`sent ${name} ${this.greeted ? "again" : "first"}`);
    this.greeted = true;
    if (packet.type === 1) return;
    if (packet.type === 14) return this.sentDisconnect();
    if (this.state !== "connected" && this.state !== "disconnecting")
      return this.fail(`sent ${name} while ${this.state}`);
    if (packet.type === 3) this.sentPublish(packet);
    else if (packet.type === 8) this.sentSubscribe(packet);
    else if (packet.type === 12) this.sentPing();
    else if (packet.type > 3 && packet.type < 8) this.sentAck(packet);
    else this.fail(`sent ${name}`);
  }

  private sentDisconnect(): void {
    while (this.believe());
    if (this.state === "connected") this.fail("sent DISCONNECT while connected");
    if (this.owed.length) this.fail(`sent DISCONNECT and owes ${this.owed.map(told).join()}`);
    this.bye = true;
  }

  private sentPing(): void {
    if (!this.mayPing && this.cause !== "timer") this.fail("sent PINGREQ out of turn");
    this.mayPing = false;
  }

  /** A deadline has passed: a PINGREQ may come, now or when there is room. */
  ticked(): void {
    this.mayPing = this.jammed && this.alive;
    this.late = this.alive;
  }

  private sentSubscribe(packet: ClientPacket): void {
    if (packet.filters.join() !== "iot-2/cmd/+/fmt/+") this.fail(`subscribed to ${packet.filters}`);
    if (!this.subscribeDue && this.subscribed !== "maybe" && !this.sentLate(packet.id === this.subscribeId)) {
      this.fail("subscribed again");
    }
    if (this.inflight.some(one => one.id === packet.id)) this.fail(`SUBSCRIBE with id ${packet.id} of a message`);
    this.subscribeDue = false;
    this.subscribeId = packet.id;
    this.nextId = (packet.id % 65535) + 1;
  }

  // A packet that is not acknowledged is sent again when its deadline has passed.
  private sentLate(unacknowledged: boolean): boolean {
    return unacknowledged && (this.late || this.cause === "timer");
  }

  private sentAck(packet: ClientPacket): void {
    const { type, id } = packet;
    const owes = () => this.owed.some(one => one.type === type && one.id === id);
    const coming = this.queue.some(({ packet: other }) => other?.type === T.PUBREC && other.id === id);
    if (!owes() && !coming && type === T.PUBREL && this.sentPubrelAgain(id)) return;
    const dueAgain = type === T.PUBREL && this.pubrelDueAgain(id);
    while (!owes() && this.believe());
    const next = this.owed[0];
    if (!next || next.type !== type || next.id !== id) {
      // Not the answer to a PUBREC behind another packet, but the resending that was due anyway.
      if (dueAgain) {
        for (const one of this.inflight) if (one.id === id) one.fresh = true;
        return;
      }
      return this.fail(`sent ${told(packet)}, owes ${next ? told(next) : "nothing"}`);
    }
    const { behind } = next;
    if (behind && !behind.optional && this.expected.indexOf(behind) >= 0) {
      this.fail(`sent ${told(next)} before the message was delivered`);
    }
    this.owed.shift();
  }

  /** In flight, and by the beginning of this connection due to be released once more. */
  private pubrelDueAgain(id: number): boolean {
    const one = this.inflight.find(other => other.id === id);
    if (!one) return false;
    return one.blurred || (one.released && (this.sentLate(true) || (this.resendDup && !one.fresh)));
  }

  private sentPubrelAgain(id: number): boolean {
    const one = this.inflight.find(other => other.id === id);
    if (one) {
      if (!this.pubrelDueAgain(id)) return false;
      one.fresh = true;
      return true;
    }
    return (this.resendDup && this.strayIds.indexOf(id) >= 0) || this.laid(ghost => ghost.id === id);
  }

  private sentPublish(packet: ClientPacket): void {
    const n = messageOf(packet);
    if (n === undefined) return this.fail(`sent a PUBLISH that is not as published`);
    const message = this.messages.get(n);
    if (packet.retain) this.fail("sent RETAIN");
    if (packet.qos === 0) return this.sentOnce(n, message, packet);
    const one = this.inflight.find(other => other.id === packet.id);
    if (one) return this.sentAgain(one, n, packet);
    if (this.laid(ghost => ghost.n === n)) return;
    if (!message) return this.fail(`sent message ${n}, which is through`);
    if (packet.id === this.subscribeId && this.subscribed === "no") this.fail(`used id ${packet.id} of the SUBSCRIBE`);
    // The buffer may have taken it on a connection that then ended.
    if (packet.dup && !this.resendDup) this.fail(`sent message ${n} with DUP the first time`);
    if (message.seen) this.fail(`sent message ${n} with another id`);
    this.firstOf(n, message, packet);
    const { id, qos } = packet;
    this.inflight.push({ id, n, qos, released: false, fresh: true, buffered: false, blurred: this.strayAcks });
    if (this.inflight.length > this.plan.limits.inflight) this.fail(`${this.inflight.length} messages in flight`);
  }

  private laid(right: (ghost: { n: number; id: number }) => boolean): boolean {
    const at = this.ghosts.findIndex(right);
    if (at >= 0) this.ghosts.splice(at, 1);
    return at >= 0;
  }

  private sentOnce(n: number, message: Message | undefined, packet: ClientPacket): void {
    // Told already, because the buffer took it: then it was not seen before either.
    if (message?.seen || n < this.lastFirst) return this.fail(`sent message ${n} again`);
    this.firstOf(n, message, packet);
  }

  private firstOf(n: number, message: Message | undefined, packet: ClientPacket): void {
    if (n < this.lastFirst) this.fail(`sent message ${n} after ${this.lastFirst}`);
    this.lastFirst = n;
    if (!message) return;
    message.seen = true;
    if (message.qos !== packet.qos) this.fail(`sent message ${n} at QoS ${packet.qos}`);
  }

  private sentAgain(one: InFlight, n: number, packet: ClientPacket): void {
    if (one.n !== n) return this.fail(`used id ${one.id} of message ${one.n} for ${n}`);
    const late = this.sentLate(one.fresh);
    if (one.fresh && !late) this.fail(`sent message ${n} twice on one connection`);
    if (packet.dup !== (late || this.resendDup)) this.fail(`sent message ${n} again with DUP ${packet.dup}`);
    const again = one.released && !one.blurred && !one.buffered;
    if (again && (late || this.resendDup)) this.fail(`sent message ${n} again after PUBREC`);
    one.buffered = false;
    if (late) return;
    one.fresh = true;
    one.released = false;
    one.blurred = one.blurred && (this.resendDup || this.strayAcks);
  }
}

function told(ack: Ack): string {
  return `${TYPE_NAMES[ack.type]} ${ack.id}`;
}

function describe(one: Expectation | undefined): string {
  return one ? `${one.kind} ${one.packet?.topic ?? one.n ?? ""} ${one.errors.join("|")}` : "nothing awaited";
}

/** The payload of event `n`: its number, then one byte again and again. */
export function payloadOf(n: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size).fill((n * 7 + size) & 255);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
}

function messageOf(packet: ClientPacket): number | undefined {
  const { payload } = packet;
  if (payload.length < 4 || !/^iot-2\/evt\/[^/]+\/fmt\/raw$/.test(packet.topic)) return undefined;
  const n = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
  const filler = (n * 7 + payload.length) & 255;
  const stride = 1 + (payload.length >> 7);
  for (let i = 4; i < payload.length; i += stride) if (payload[i] !== filler) return undefined;
  return n;
}
