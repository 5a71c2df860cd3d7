// Console of a program in the simulator: the part of the xsbug protocol that runs each machine and reads its trace lines
// and instruments. A machine connects to it instead of the SDK's debugger.

import { EventEmitter, once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** Breaks on exceptions, so that the machine reports file and line of an uncaught one. */
const GREETING =
  '\r\n<set-all-breakpoints><breakpoint path="exceptions" line="0" id="@0"/></set-all-breakpoints>\r\n\r\n<go/>\r\n';
const GO = "\r\n<go/>\r\n";
const ENTITIES: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

interface Samples {
  [name: string]: number;
}

export class XsbugConsole {
  readonly port: number;
  /** All complete trace lines. */
  readonly lines: string[] = [];
  /** The last instruments, by name. */
  samples: Samples = {};
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly bell = new EventEmitter();
  private partial = "";
  /** Called with each complete trace line. */
  lineCallback: ((line: string) => void) | undefined;
  /** Called when a machine has ended. */
  endCallback: (() => void) | undefined;

  private constructor(server: Server) {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", socket => this.attach(socket));
  }

  static async open(): Promise<XsbugConsole> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new XsbugConsole(server);
  }

  /** Resolves with the first matching line, from line number `from` on. */
  async line(pattern: RegExp, { from = 0, timeoutMs = 30_000 } = {}): Promise<string> {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (let at = from; ; at++) {
      while (at >= this.lines.length) {
        await once(this.bell, "line", { signal: deadline }).catch(() => {
          throw new Error(`no line like ${pattern} in ${timeoutMs} ms; so far:\n${this.lines.join("\n")}`);
        });
      }
      if (pattern.test(this.lines[at]!)) return this.lines[at]!;
    }
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private attach(socket: Socket): void {
    const machine = new Machine(socket, this);
    this.sockets.add(socket);
    socket.setEncoding("utf8");
    socket.on("data", text => machine.read(text.toString()));
    socket.on("close", () => {
      this.sockets.delete(socket);
      this.endCallback?.();
    });
    socket.on("error", () => {});
  }

  /** @internal */
  traced(text: string): void {
    const lines = (this.partial + text).split("\n");
    this.partial = lines.pop()!;
    for (const line of lines) {
      this.lines.push(line);
      this.lineCallback?.(line);
      this.bell.emit("line");
    }
  }
}

/** One connection. The simulator has its own machine besides that of the program. */
class Machine {
  private readonly socket: Socket;
  private readonly console: XsbugConsole;
  private text = "";
  private names: string[] = [];

  constructor(socket: Socket, console: XsbugConsole) {
    this.socket = socket;
    this.console = console;
  }

  read(text: string): void {
    this.text += text;
    for (;;) {
      const end = this.text.indexOf("</xsbug>");
      if (end < 0) return;
      this.message(this.text.slice(0, end));
      this.text = this.text.slice(end + "</xsbug>".length);
    }
  }

  private message(text: string): void {
    if (/<login /.test(text)) this.socket.write(GREETING);
    for (const [, log] of text.matchAll(/<log[^>]*>([\s\S]*?)<\/log>/g)) this.console.traced(plain(log!));
    const broken = /<break[^>]*>([\s\S]*?)<\/break>/.exec(text);
    if (broken) {
      this.console.traced(`${plain(broken[1]!)}\n`);
      this.socket.write(GO);
    }
    const names = [...text.matchAll(/<instrument name="([^"]*)"/g)].map(([, name]) => name!);
    if (names.length) this.names = names;
    const samples = /<samples>([^<]*)<\/samples>/.exec(text);
    if (samples) this.console.samples = this.named(samples[1]!.split(","));
  }

  private named(values: string[]): Samples {
    return Object.fromEntries(values.map((value, at) => [this.names[at] ?? String(at), Number(value)]));
  }
}

function plain(text: string): string {
  return text.replace(/&(#\d+|\w+);/g, (whole, name: string) =>
    name.startsWith("#") ? String.fromCodePoint(Number(name.slice(1))) : (ENTITIES[name] ?? whole),
  );
}
