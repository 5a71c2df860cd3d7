// What happens in one run, as data made of one seed: connections, in each the server's packets (right, wrong, damaged),
// how they are cut, and what the application and the link do meanwhile. Packet ids that depend on what the client sent
// are named by place ("the second one in flight") and found out when the run gets there, so that steps can be left out.

import { COMMANDS, EVENT_NAMES, TOPICS } from "./frames.ts";
import { Random } from "./random.ts";

/** One thing that is done to the bytes of a packet, or of several, before they are sent. */
export type Blow =
  | { how: "flip"; at: number; bit: number }
  | { how: "set"; at: number; to: number }
  | { how: "cut"; at: number }
  | { how: "insert"; at: number; bytes: number[] }
  | { how: "delete"; at: number; count: number }
  /** Another remaining length, the body as it was. */
  | { how: "length"; by: number }
  | { how: "announce"; length: number }
  /** The same length in four bytes, which is allowed, or in five, which is not. */
  | { how: "pad"; bytes: 4 | 5 }
  | { how: "first"; to: number }
  /** Zeroes in place of the packet id. */
  | { how: "no-id" };

export interface PublishSpec {
  type: "publish";
  qos: 0 | 1 | 2;
  dup: boolean;
  retain: boolean;
  /** Index into TOPICS of frames.ts. */
  topic: number;
  /** Bytes of the payload, or, when negative, of the whole frame, as near as it can be. */
  size: number;
  /** 0 and above: the n-th unreleased one; -1: a new one. */
  id: number;
  /** Payloads of no meaning. */
  noise: boolean;
}

export type FrameSpec =
  | { type: "connack"; flags: number; code: number }
  | PublishSpec
  /** What the n-th message in flight waits for; `wrong`: the packet type 4, 5 or 7 all the same. */
  | { type: "ack"; nth: number; wrong: number }
  /** An acknowledgement of type 4, 5, 7, 9, 11 or a PUBREL for an id that nobody may have used. */
  | { type: "stray"; packet: number; id: number }
  | { type: "pubrel"; nth: number }
  | { type: "suback"; codes: number[] }
  | { type: "pingresp" }
  | { type: "raw"; bytes: number[] };

export type Step =
  | { do: "frame"; frame: FrameSpec; times: number; blows: Blow[] }
  /** `share` of what waits, of 8; cut whole, into single bytes, or at random. */
  | { do: "deliver"; share: number; cut: "whole" | "bytes" | "random" }
  | { do: "publish"; qos: 0 | 1 | 2; size: number; event: number }
  | { do: "connect" | "disconnect" | "listen" | "deaf" | "end" | "jump" | "settle" }
  /** The link takes so many bytes from now on. `told`: it says so. */
  | { do: "room"; bytes: number; told: boolean };

export interface Planned {
  step: Step;
  /** Of what the application does in its callbacks during the step, and of the cuts. */
  seed: number;
}

export interface Plan {
  limits: {
    frameBytes: number;
    transmitBytes: number;
    inflight: number;
    queuedMessages: number;
    queuedBytes: number;
    subscriptions: number;
  };
  clean: boolean;
  keepAlive: number;
  /** How often callbacks misbehave: once in so many; 0: never. */
  unruly: number;
  steps: Planned[];
}

const FRAME_BYTES = [128, 200, 1000, 8192, 20000];

export function planOf(seed: number): Plan {
  const random = new Random(seed);
  const plan: Plan = {
    limits: {
      frameBytes: random.pick(FRAME_BYTES),
      transmitBytes: random.pick([128, 160, 300, 1024]),
      inflight: random.pick([1, 2, 10, 10, 70]),
      queuedMessages: random.pick([0, 3, 100]),
      queuedBytes: random.pick([60, 1000, 7600]),
      subscriptions: 1,
    },
    clean: random.below(3) > 0,
    keepAlive: random.pick([0, 60]),
    unruly: random.pick([0, 0, 4, 12, 40]),
    steps: [],
  };
  const damage = random.pick([0, 3, 8, 20, 60]);
  const writer = new Writer(random, plan, damage);
  for (let connections = 1 + random.below(4); connections > 0; connections--) writer.connection();
  return plan;
}

class Writer {
  private readonly random: Random;
  private readonly plan: Plan;
  /** One packet in so many is damaged; 0: none. */
  private readonly damage: number;

  constructor(random: Random, plan: Plan, damage: number) {
    this.random = random;
    this.plan = plan;
    this.damage = damage;
  }

  connection(): void {
    const { random } = this;
    if (random.once(3)) this.add({ do: "publish", ...this.event() });
    this.add({ do: "settle" });
    if (random.once(8)) this.add({ do: "room", bytes: random.below(400), told: true });
    if (this.damage && random.once(30)) this.packet();
    const flags = random.once(4) ? 1 : 0;
    this.add(this.frame(this.damage && random.once(20) ? this.refusal() : { type: "connack", flags, code: 0 }));
    if (random.below(10)) this.add(this.frame({ type: "suback", codes: random.once(10) ? [128] : [random.below(3)] }));
    if (random.below(5)) this.add(this.delivery(8));
    for (let steps = random.below(25); steps > 0; steps--) this.anything();
    this.add(this.delivery(8));
    if (random.once(2)) this.add({ do: random.pick(["end", "end", "disconnect", "jump"] as const) });
  }

  private refusal(): FrameSpec {
    return { type: "connack", flags: this.random.below(3), code: this.random.below(8) };
  }

  private anything(): void {
    const { random } = this;
    const kind = random.below(100);
    if (kind < 62) this.packet();
    else if (kind < 78) this.add(this.delivery(1 + random.below(8)));
    else if (kind < 90) this.add({ do: "publish", ...this.event() });
    else if (kind < 92) this.add({ do: "room", bytes: this.room(), told: random.below(3) > 0 });
    else if (kind < 94) this.add({ do: random.pick(["listen", "deaf"] as const) });
    else if (kind < 96) this.add({ do: "jump" });
    else if (kind < 97) this.add({ do: random.pick(["connect", "disconnect"] as const) });
    else if (this.damage) this.disorder();
  }

  private room(): number {
    return this.random.pick([0, 1, 5, 100, 1000, 1e9, 1e9]);
  }

  private packet(): void {
    const { random } = this;
    const kind = random.below(100);
    if (kind < 45) this.publication();
    else if (kind < 70) this.add(this.frame({ type: "ack", nth: random.below(10), wrong: 0 }));
    else if (kind < 80) this.add(this.frame({ type: "pubrel", nth: random.below(70) }));
    else if (kind < 84) this.add(this.frame({ type: "pingresp" }));
    else if (kind < 93) this.add(this.frame(this.stray()));
    else if (this.damage && random.once(4)) this.add(this.frame(this.nonsense()));
    else this.add({ do: "deliver", share: 8, cut: "whole" });
  }

  private publication(): void {
    const { random } = this;
    const publish = this.publish();
    const burst = random.once(60);
    if (burst) publish.size = random.below(30);
    this.add(this.frame(publish, burst ? 30 + random.below(220) : 1));
  }

  private stray(): FrameSpec {
    const { random } = this;
    const id = random.pick([1, 2, 3, 5, 7, 12, 255, 256, 65535, random.below(65536)]);
    return { type: "stray", packet: random.pick([4, 5, 6, 7, 9, 11]), id: id || 1 };
  }

  private nonsense(): FrameSpec {
    const { random } = this;
    switch (random.below(6)) {
      case 0:
        return { type: "ack", nth: random.below(10), wrong: random.pick([4, 5, 7]) };
      case 1:
        return this.refusal();
      case 2:
        return { type: "suback", codes: random.bytes(random.below(4)) };
      case 3:
        return { type: "raw", bytes: [0x90, 4, 0, 1, 1, random.below(4)] };
      case 4:
        return {
          type: "raw",
          bytes: [(random.below(16) << 4) | random.below(16), random.below(6), ...random.bytes(5)],
        };
      default:
        return { type: "raw", bytes: random.bytes(1 + random.below(40)) };
    }
  }

  private publish(): PublishSpec {
    const { random } = this;
    const qos = random.below(3) as 0 | 1 | 2;
    return {
      type: "publish",
      qos,
      dup: qos > 0 && random.once(5),
      retain: random.once(5),
      topic: random.once(4) ? random.below(TOPICS.length) : random.below(COMMANDS),
      size: this.size(),
      id: qos === 2 && random.once(5) ? random.below(5) : -1,
      noise: random.once(10),
    };
  }

  // Most are short; some are where a length takes a byte more, and some where the client's limit is.
  private size(): number {
    const { random } = this;
    const near = random.below(5) - 2;
    const { frameBytes } = this.plan.limits;
    switch (random.below(24)) {
      case 0:
        return -(130 + near);
      case 1:
        return random.once(4) ? -(16387 + near) : random.below(1000);
      case 2:
        return -(frameBytes + near);
      case 3:
        return frameBytes + random.below(300);
      case 4:
        return random.below(300);
      default:
        return random.below(40);
    }
  }

  private event(): { qos: 0 | 1 | 2; size: number; event: number } {
    const { random } = this;
    const { transmitBytes } = this.plan.limits;
    const size = random.pick([8, 20, random.below(200) + 4, random.below(4) + transmitBytes - 100, transmitBytes * 2]);
    return { qos: random.below(3) as 0 | 1 | 2, size, event: random.below(EVENT_NAMES.length) };
  }

  private frame(frame: FrameSpec, times = 1): Step {
    const blows: Blow[] = [];
    if (this.damage && this.random.once(this.damage)) {
      do blows.push(this.blow());
      while (this.random.once(3));
    }
    return { do: "frame", frame, times, blows };
  }

  private blow(): Blow {
    const { random } = this;
    // Most of what matters is at the front.
    const at = random.once(3) ? random.below(200) : random.below(8);
    switch (random.below(11)) {
      case 0:
        return { how: "set", at, to: random.pick([0, 1, 127, 128, 255, 0xc0, 0xed, 0x2b]) };
      case 1:
        return { how: "cut", at };
      case 2:
        return { how: "insert", at, bytes: random.bytes(1 + random.below(3)) };
      case 3:
        return { how: "delete", at, count: 1 + random.below(3) };
      case 4:
        return { how: "length", by: random.pick([-3, -2, -1, 1, 2, 3]) };
      case 5:
        return { how: "announce", length: random.pick([268435455, 2097152, 65536, 16384, 1, 0]) };
      case 6:
        return { how: "pad", bytes: random.once(3) ? 5 : 4 };
      case 7:
        return { how: "first", to: random.below(256) };
      case 8:
        return { how: "no-id" };
      default:
        return { how: "flip", at, bit: random.below(8) };
    }
  }

  // Packets repeated, left out, or sent in another order.
  private disorder(): void {
    const { random } = this;
    const { steps } = this.plan;
    const at = Math.max(0, steps.length - 1 - random.below(6));
    const other = Math.max(0, steps.length - 1 - random.below(6));
    const one = steps[at]!;
    if (one.step.do !== "frame") return;
    switch (random.below(3)) {
      case 0:
        steps.push(one);
        return;
      case 1:
        steps.splice(at, 1);
        return;
      default:
        steps[at] = steps[other]!;
        steps[other] = one;
    }
  }

  private delivery(share: number): Step {
    return { do: "deliver", share, cut: this.random.pick(["whole", "whole", "bytes", "random", "random"] as const) };
  }

  private add(step: Step): void {
    this.plan.steps.push({ step, seed: this.random.word() });
  }
}
