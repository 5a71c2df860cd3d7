// One fault run: a device publishes QoS 1 and 2 events and gets QoS 1 and 2 commands while its connection is harmed again
// and again; then all is left to come to rest, and what is missing or came twice is counted.

import { EventEmitter, once } from "node:events";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { seeded } from "../../harness/testing/random.ts";
import { type EngineName, startEngine } from "../engines/engines.ts";
import { connectPacket } from "../harness/platform/testing.ts";
import { Journal, listener, type Spoken, Witness } from "./journal.ts";
import { LINK_FAULTS, type LinkFault, type Listen, RoughProxy } from "./proxy.ts";
import { deviceOptions, type FaultServer, type ServerName, startServer } from "./servers.ts";

const PROGRAM = fileURLToPath(new URL("device.js", import.meta.url));
/** The device's clock against ours: a back-off of a second takes 5 ms. */
const SPEED = 200;
/** Commands on the way to the device, or not released yet: it remembers only so many of these. */
const COMMANDS_AHEAD = 40;
/** What one message costs in bytes on the link, all its packets together; for spreading the faults only. */
const MESSAGE_BYTES = 60;
/** How long all may stand still at the end before what is missing counts as lost. */
const REST_MS = 10_000;

export type Fault = LinkFault | "takeover" | "restart";

export interface RunOptions {
  engine: EngineName;
  server: ServerName;
  /** At least so many events, and as many commands, of each QoS. */
  events: number;
  faults: number;
  /** Also end the server and start it again, where it keeps its sessions. */
  restarts: boolean;
  seed: number;
  /** A file for what was said, by whom and when. */
  journal?: string;
  /** Told now and then. */
  progress?: (line: string) => void;
}

export interface Tally {
  sent: number;
  lost: number;
  /** How many came more than once though the sender did not break the standard (see Witness). */
  twice: number;
}

export interface Report {
  events: Record<"q1" | "q2", Tally>;
  commands: Record<"q1" | "q2", Tally>;
  faults: Record<string, number>;
  /** How often the device was told that its connection had ended, by code. */
  disconnects: Record<string, number>;
  /** Errors the device reported; there should be none. */
  errors: string[];
  /** Messages of QoS 2 that the server published again after PUBREL; they are not among those that came twice. */
  serverAgain: number;
  /** Events the device was told had failed; there should be none. */
  failed: number;
  resent: number;
  seconds: number;
}

export async function runFaults(options: RunOptions): Promise<Report> {
  const server = await startServer(options.server);
  const run = new Run(options, server);
  const proxy = await RoughProxy.start(server.port, run.listen);
  try {
    return await run.run(proxy);
  } finally {
    proxy.close();
    await server.close();
  }
}

type Counts = Record<"q1" | "q2", number[]>;

class Run {
  private readonly options: RunOptions;
  private readonly server: FaultServer;
  private readonly journal: Journal | undefined;
  // Of the device's link and the application's.
  private readonly witness = { commands: new Witness(), events: new Witness() };
  private proxy!: RoughProxy;
  private readonly random: () => number;
  private readonly bell = new EventEmitter().setMaxListeners(0);
  private readonly faults: Record<string, number> = {};
  private readonly disconnects: Record<string, number> = {};
  private readonly errors: string[] = [];
  // How often each number arrived.
  private readonly events: Counts = { q1: [], q2: [] };
  private readonly commands: Counts = { q1: [], q2: [] };
  private commandsSent = 0;
  private commandsDone = 0;
  // Of the application: publishes the server has not confirmed, and whether there may be more.
  private unconfirmed = 0;
  private quiet = false;
  private target = 0;
  private settled = 0;
  private harmed = 0;

  constructor(options: RunOptions, server: FaultServer) {
    this.options = options;
    this.server = server;
    this.journal = options.journal === undefined ? undefined : new Journal(options.journal);
    this.random = seeded(options.seed);
  }

  /** Of the proxy: what passes between device and server. */
  readonly listen: Listen = (connection, from) =>
    listener(packet => {
      this.journal?.spoke(`device ${connection} ${from === "client" ? ">" : "<"}`, packet);
      if (from === "server" && this.witness.commands.heard(packet)) this.commandDone();
    });

  async run(proxy: RoughProxy): Promise<Report> {
    this.proxy = proxy;
    const began = performance.now();
    const { application, prefix } = this.server;
    application.on("packetsend", packet => this.journal?.spoke("application >", packet as Spoken));
    application.on("packetreceive", packet => {
      this.journal?.spoke("application <", packet as Spoken);
      this.witness.events.heard(packet as Spoken);
    });
    application.on("message", (topic, payload) => this.count(this.events, topic.split("/").at(-3)!, Number(payload)));
    await application.subscribeAsync(`${prefix}/evt/+/fmt/json`, { qos: 2 });
    const engine = await startEngine(this.options.engine, PROGRAM, this.argument(), this.calls());
    const subscribed = once(this.bell, "subscribed");
    await engine.invoke("connect");
    await subscribed;
    const harming = this.harm();
    for (this.target = this.options.events; ; this.target += Math.ceil(this.options.events / 10)) {
      this.command();
      await engine.invoke("target", this.target);
      while (this.settled < this.target || this.commandsSent < 2 * this.target) await once(this.bell, "progress");
      if (this.harmed >= this.options.faults) break;
    }
    await harming;
    await this.rest();
    const { counters, failed } = await engine.invoke<{ counters: { resent: number }; failed: number }>("figures");
    await engine.invoke("disconnect");
    await engine.close();
    return {
      events: this.tallies(this.events, this.witness.events),
      commands: this.tallies(this.commands, this.witness.commands),
      faults: { ...this.faults, ...this.proxy.counts },
      disconnects: this.disconnects,
      errors: this.errors,
      serverAgain: this.witness.events.again.size + this.witness.commands.again.size,
      failed,
      resent: counters.resent,
      seconds: (performance.now() - began) / 1000,
    };
  }

  private argument(): unknown {
    return { options: { ...deviceOptions(this.proxy.port), timeoutMs: 120_000 }, speed: SPEED };
  }

  private calls() {
    return {
      command: ([name, data]: [string, string]) => {
        this.journal?.note(`device was told ${name} "${data}"`);
        if (this.count(this.commands, name, Number(data)) && name === "q1") this.commandDone();
      },
      subscribed: () => this.bell.emit("subscribed"),
      disconnected: (reason: string) => {
        this.journal?.note(`device was told disconnected ${reason}`);
        const code = reason.split(":")[0]!;
        if (code === "protocol") this.errors.push(reason);
        this.disconnects[code] = (this.disconnects[code] ?? 0) + 1;
      },
      failed: (text: string) => this.errors.push(text),
      settled: (target: number) => {
        this.settled = target;
        this.bell.emit("progress");
      },
    };
  }

  /** True when it is the first time. */
  private count(counts: Counts, name: string, n: number): boolean {
    const list = counts[name as "q1" | "q2"];
    if (!list || !(n >= 0)) return this.errors.push(`arrived: ${name} ${n}`) < 0;
    list[n] = (list[n] ?? 0) + 1;
    this.bell.emit("progress");
    return list[n] === 1;
  }

  /** One of QoS 1 has arrived, or the server has released one of QoS 2. */
  private commandDone(): void {
    this.commandsDone++;
    this.command();
  }

  private command(): void {
    while (
      !this.quiet &&
      this.commandsSent < 2 * this.target &&
      this.commandsSent - this.commandsDone < COMMANDS_AHEAD
    ) {
      const qos = (1 + (this.commandsSent % 2)) as 1 | 2;
      const n = Math.floor(this.commandsSent++ / 2);
      this.unconfirmed++;
      this.server.application.publish(`${this.server.prefix}/cmd/q${qos}/fmt/json`, String(n), { qos }, error => {
        if (error) this.errors.push(`application: ${error.message}`);
        this.unconfirmed--;
        this.bell.emit("progress");
      });
    }
  }

  /**
   * What the application sends is not what is tested: it has nothing on its own way to the server when that restarts.
   */
  private async restart(): Promise<void> {
    this.quiet = true;
    while (this.unconfirmed) await once(this.bell, "progress");
    const back = new Promise(resolve => this.server.application.once("connect", resolve)); // errors come before
    await this.server.restart!();
    await back;
    this.quiet = false;
    this.command();
  }

  /** One fault after the other, each some bytes after the last. */
  private async harm(): Promise<void> {
    const kinds: Fault[] = [...LINK_FAULTS, "takeover"];
    if (this.options.restarts && this.server.restart) kinds.push("restart");
    const spread = (8 * this.options.events * MESSAGE_BYTES) / this.options.faults;
    for (; this.harmed < this.options.faults; this.harmed++) {
      const fault = kinds[this.harmed % kinds.length]!;
      const bytes = 1 + Math.floor(this.random() * spread);
      if (fault === "takeover" || fault === "restart") {
        await this.proxy.passed(bytes);
        this.journal?.note(`fault ${fault}`);
        this.faults[fault] = (this.faults[fault] ?? 0) + 1;
        await (fault === "takeover" ? takeOver(this.server.port) : this.restart());
      } else {
        await this.proxy.after(bytes, fault);
        this.journal?.note(`fault ${fault}`);
      }
      if (this.harmed % 20 === 19) this.options.progress?.(`${this.harmed + 1} faults, ${this.progress()}`);
    }
    this.bell.emit("progress");
  }

  private progress(): string {
    return `${this.events.q1.length} and ${this.events.q2.length} events, ${this.commandsDone} commands`;
  }

  /** Until nothing is missing, or nothing has come for a long time. */
  private async rest(): Promise<void> {
    const complete = () =>
      [this.events, this.commands].every(({ q1, q2 }) =>
        [q1, q2].every(list => list.length === this.target && Object.keys(list).length === this.target),
      );
    while (!complete()) {
      const late = AbortSignal.timeout(REST_MS);
      try {
        await once(this.bell, "progress", { signal: late });
      } catch {
        return;
      }
    }
  }

  private tallies(counts: Counts, { again }: Witness): Record<"q1" | "q2", Tally> {
    const tally = (list: number[]): Tally => ({
      sent: this.target,
      lost: this.target - Object.keys(list).length,
      twice: list.filter((times, n) => times > 1 && !(list === counts.q2 && again.has(String(n)))).length,
    });
    return { q1: tally(counts.q1), q2: tally(counts.q2) };
  }
}

/** Another client with the device's id comes, takes its session over, acknowledges nothing, and is gone. */
async function takeOver(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(connectPacket({ clean: false, keepAliveSec: 60 }));
  await once(socket, "data");
  socket.destroy();
}

/** What must not be: lines for people; none when all is well. */
export function faultsOf(report: Report): string[] {
  const wrong: string[] = [];
  for (const way of ["events", "commands"] as const) {
    for (const qos of ["q1", "q2"] as const) {
      const { lost, twice } = report[way][qos];
      if (lost) wrong.push(`${lost} ${way} of QoS ${qos[1]} lost`);
      if (qos === "q2" && twice) wrong.push(`${twice} ${way} of QoS 2 came twice`);
    }
  }
  if (report.failed) wrong.push(`${report.failed} events failed`);
  return wrong.concat(report.errors);
}
