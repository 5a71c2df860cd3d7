// The samples of docs/samples.md: found, made into modules, and run on an engine of choice. What they import is the
// package with `host`, `port` and `tls: false` added to the options.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { transform } from "esbuild";
import { startXs, type Xs } from "../../../harness/xs/host.ts";
import type { EngineName } from "../../engines/engines.ts";
import { makeFolder, writeFile } from "../../support/folder.ts";
import { Inbox } from "../../support/inbox.ts";
import { HTTP_PORT, lendHttp } from "./lend-http.ts";

export const PAGE = fileURLToPath(new URL("../../../../docs/samples.md", import.meta.url));
const DIST = fileURLToPath(new URL("../../../../dist/", import.meta.url));

export interface Sample {
  name: string;
  /** "node": needs files, so not for XS; "http": needs a server that speaks it. */
  mark: string;
  source: string;
}

/** Files the page shows, by the words of their fence. */
export interface Page {
  samples: Sample[];
  ini: string;
  yaml: string;
}

export function readPage(): Page {
  const text = readFileSync(PAGE, "utf8");
  const samples = [...text.matchAll(/<!-- sample: ([\w-]+)(?: (\w+))? -->\n```ts\n(.*?)```/gs)];
  return {
    samples: samples.map(([, name, mark = "", source]) => ({ name: name!, mark, source: source! })),
    ini: /```ini\n(.*?)```/s.exec(text)![1]!,
    yaml: /```yaml\n(.*?)```/s.exec(text)![1]!,
  };
}

/** The lines that a running sample prints. */
export type Running = Inbox<string>;

export async function runSample(t: TestContext, engine: EngineName, sample: Sample, port: number): Promise<Running> {
  const folder = makeFolder(t);
  const { ini, yaml } = readPage();
  const { code } = await transform(sample.source, { loader: "ts", format: "esm" });
  const files: Record<string, string> = {
    "sample.mjs": code.replaceAll('"iotf-embedded/http"', '"./http.mjs"').replaceAll('"iotf-embedded"', '"./main.mjs"'),
    "main.mjs": engine === "xs" ? await xsEntry(port) : nodeEntry("node.js", "DeviceClient", port),
    "http.mjs": engine === "xs" ? xsHttpEntry(port) : nodeEntry("http-node.js", "HttpClient", port),
    "device.cfg": ini,
    "device.yaml": yaml,
  };
  for (const [name, text] of Object.entries(files)) writeFile(folder, name, text);
  const running = new Inbox<string>();
  await (engine === "xs" ? startInXs : startOnNode)(t, folder, running);
  return running;
}

async function startOnNode(t: TestContext, folder: string, running: Running): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, ["sample.mjs"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill();
    await once(child, "exit");
  });
  let rest = "";
  child.stdout!.on("data", bytes => {
    const lines = `${rest}${bytes}`.split("\n");
    rest = lines.pop()!;
    for (const line of lines) running.push(line);
  });
  child.stderr!.on("data", bytes => running.push(`stderr: ${bytes}`));
}

async function startInXs(t: TestContext, folder: string, running: Running): Promise<void> {
  const xs: Xs = await startXs({
    calls: lendHttp(() => xs),
    onTrace: line => running.push(line),
    onError: error => running.push(`error: ${error.message}`),
  });
  t.after(() => xs.close());
  await xs.import(join(folder, "sample.mjs"));
}

const place = (port: number): string => `{ host: "127.0.0.1", port: ${port}, tls: false }`;

function nodeEntry(file: string, name: string, port: number): string {
  const core = JSON.stringify(pathToFileURL(join(DIST, file)).href);
  return `import { ${name} as Real } from ${core};
export * from ${core};
export class ${name} extends Real {
  constructor(options, ports) { super({ ...options, ...${place(port)} }, ports); }
}
`;
}

// What an engine's entry does: default ports. A Moddable device has console.log as trace. Named exports one by one: to XS
// a name of its own beside the same name of `export *` is ambiguous.
async function xsEntry(port: number): Promise<string> {
  const core = join(DIST, "iotf-embedded.js");
  const names = Object.keys(await import(pathToFileURL(core).href)).filter(name => name !== "DeviceClient");
  return `import { DeviceClient as Real } from ${JSON.stringify(core)};
export { ${names.join(", ")} } from ${JSON.stringify(core)};
console.log = text => host.trace(text);
export class DeviceClient extends Real {
  constructor(options) { super({ ...options, ...${place(port)} }, host.ports); }
}
`;
}

function xsHttpEntry(port: number): string {
  return `import { HttpClient as Real } from ${JSON.stringify(join(DIST, "http.js"))};
import { httpPorts } from ${JSON.stringify(HTTP_PORT)};
console.log = text => host.trace(text);
export class HttpClient extends Real {
  constructor(options) { super({ ...options, ...${place(port)} }, httpPorts); }
}
`;
}
