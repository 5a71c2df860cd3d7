// A Moddable program on a board that is made of stand-ins (board/), inside a real XS engine: the SDK's modules for Wi-Fi,
// time, sockets, pins and flash under the names a program imports them by, and a clock that only the test moves. What a
// chip and the SDK's own code do is not shown by it; what the program makes of what they tell is.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { startXs, type Xs } from "../../../harness/xs/host.ts";
import { ROOT } from "../../support/folder.ts";
import type { BoardSettings, Report } from "./board/boot.ts";

const STANDINS = join(ROOT, "host-test/tests/engines/moddable/board");
const APP = join(ROOT, "targets/esp32");
const EXAMPLES = join(ROOT, "targets/examples");

interface Program {
  readonly main: string;
  readonly setUps: readonly string[];
  /** Modules that main finds with the SDK's `modules`. */
  readonly found?: readonly string[];
}

export const PROGRAMS = {
  app: { main: join(APP, "main.js"), setUps: [join(APP, "station.js")] },
  /** As flash.ts builds it for --firmware-key. */
  updatable: {
    main: join(APP, "main.js"),
    setUps: [join(APP, "station.js"), join(APP, "updater.js")],
    found: ["update"],
  },
  buffering: { main: join(EXAMPLES, "buffering/main.js"), setUps: [] },
  codec: { main: join(EXAMPLES, "codec/main.ts"), setUps: [] },
  pin: { main: join(EXAMPLES, "pin/main.js"), setUps: [] },
  sensor: { main: join(EXAMPLES, "sensor/main.js"), setUps: [] },
  tls: { main: join(EXAMPLES, "tls/main.js"), setUps: [] },
} satisfies Record<string, Program>;

/** What a program imports, and the stand-in's file and name in it. */
const SDK: Readonly<Record<string, readonly [string, string]>> = {
  timer: ["world", "Timer"],
  time: ["world", "Time"],
  net: ["radio", "Net"],
  sntp: ["radio", "SNTP"],
  "embedded:network/interface/wifi": ["radio", "WiFi"],
  "embedded:io/socket/tcp": ["broker", "TCP"],
  Resource: ["flash", "Resource"],
  modules: ["boot", "Modules"],
  instrumentation: ["boot", "Instrumentation"],
  built: ["boot", "BUILT"],
  "mc/config": ["boot", "config"],
  crypt: ["slots", "Unused"],
  curve: ["slots", "Unused"],
  ecdsa: ["slots", "Unused"],
  ecp: ["slots", "Unused"],
  rsa: ["slots", "Unused"],
};

/** Ours, by the names they have in the manifests. */
const OURS: Readonly<Record<string, string>> = {
  "iotf-embedded": join(ROOT, "dist/moddable.js"),
  "iotf-embedded/core": join(ROOT, "dist/iotf-embedded.js"),
  "iotf-embedded/managed": join(ROOT, "dist/managed-moddable.js"),
  "iotf-embedded/update": join(ROOT, "dist/update-moddable.js"),
  update: join(APP, "update.js"),
  identity: join(APP, "identity.js"),
  clock: join(APP, "clock.js"),
  led: join(APP, "led.js"),
  sensor: join(EXAMPLES, "sensor/sensor.js"),
};

const modulesOfTheBoard: Plugin = {
  name: "modules-of-the-board",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^./]/ }, ({ path }) => {
      if (OURS[path]) return { path: OURS[path] };
      if (SDK[path]) return { path, namespace: "sdk" };
      return { errors: [{ text: `the board has no module ${path}` }] };
    });
    onLoad({ filter: /./, namespace: "sdk" }, ({ path }) => {
      const [file, name] = SDK[path]!;
      const names = path === "crypt" ? `${name} as Digest` : `${name} as default`;
      return { contents: `export { ${names} } from "./${file}.ts";`, resolveDir: STANDINS };
    });
  },
};

/** What is alike for every start of a program is built once. */
export class Firmware {
  private readonly folder = mkdtempSync(join(tmpdir(), "iotf-board-"));

  private file(name: string): string {
    return join(this.folder, `${name}.js`);
  }

  static async build(): Promise<Firmware> {
    const firmware = new Firmware();
    await Promise.all(Object.entries(PROGRAMS).map(([name, program]) => firmware.link(name, program)));
    return firmware;
  }

  private async link(name: string, { main, setUps, found = [] }: Program): Promise<void> {
    const load = (path: string) => `() => require(${JSON.stringify(path)}).default`;
    const modules = found.map(path => `${JSON.stringify(path)}: ${load(path)}`);
    await build({
      // `require`: each module runs when the board comes to it, as there.
      stdin: {
        contents: `import { boot } from "./boot.ts"; boot([${setUps.map(load)}], ${load(main)}, {${modules}});`,
        resolveDir: STANDINS,
      },
      bundle: true,
      format: "esm",
      platform: "neutral",
      target: "es2022",
      outfile: this.file(name),
      logLevel: "silent",
      plugins: [modulesOfTheBoard],
    });
  }

  /** Switches a board on. */
  async start(program: keyof typeof PROGRAMS, settings: BoardSettings): Promise<Board> {
    const xs = await startXs();
    try {
      await xs.evaluate(`globalThis.board = ${JSON.stringify(settings)}`);
      await xs.import(this.file(program));
      return new Board(xs);
    } catch (error) {
      await xs.close();
      throw error;
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

export class Board {
  private readonly xs: Xs;

  constructor(xs: Xs) {
    this.xs = xs;
  }

  /** Lets time pass. */
  async seconds(count: number): Promise<void> {
    await this.xs.call("advance", count * 1000);
  }

  /** See board/boot.ts. */
  async does(
    what: "change" | "serve" | "unplug" | "command" | "hangUp" | "takePin",
    argument?: unknown,
  ): Promise<void> {
    await this.xs.call(what, argument);
  }

  report(): Promise<Report> {
    return this.xs.call("report");
  }

  /** The console so far, without the seconds. */
  async lines(): Promise<string[]> {
    return (await this.report()).lines.map(line => line.slice(line.indexOf(" ") + 1));
  }

  close(): Promise<void> {
    return this.xs.close();
  }
}
