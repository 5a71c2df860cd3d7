// Headless Chromium for tests, driven over a pipe by its DevTools protocol: no port, no driver program, nothing to
// install but the browser. Its profile is a temporary folder that goes with it, and no name but those of this machine
// leads anywhere.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const INSTALL = "Chromium is not installed: apt-get install chromium (Debian), brew install --cask chromium (macOS)";

/** A name that leads to this machine, as one of an attacker could. */
export const FOREIGN_NAME = "rebound.example";

const OPTIONS = [
  "--headless",
  "--remote-debugging-pipe",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-dev-shm-usage",
  "--disable-extensions",
  "--disable-gpu",
  "--disable-sync",
  "--no-default-browser-check",
  "--no-first-run",
  `--host-resolver-rules=MAP ${FOREIGN_NAME} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost`,
  // The sandbox of Chromium does not take root.
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
];

const program = NAMES.find(name => spawnSync(name, ["--version"]).error === undefined);

/** Why a test that needs Chromium is skipped; false when it can run. Absent in CI it is an error, not a skip. */
export function withoutChromium(): string | false {
  if (program) return false;
  if (process.env.CI === "true") throw new Error(INSTALL);
  return INSTALL;
}

interface Answer {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

export class Chromium {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #pending = new Map<number, (answer: Answer) => void>();
  /** Events of the protocol by their session. */
  readonly #events = new EventEmitter();
  #sent = 0;

  private constructor(process: ChildProcess, profile: string) {
    this.#process = process;
    this.#profile = profile;
    process.once("exit", () => {
      for (const answer of this.#pending.values()) answer({ error: { message: "the browser has ended" } });
    });
    let rest = "";
    (process.stdio[4] as Readable).setEncoding("utf8").on("data", (text: string) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop()!;
      for (const message of messages) this.#receive(JSON.parse(message));
    });
  }

  static async start(): Promise<Chromium> {
    const profile = mkdtempSync(join(tmpdir(), "iotf-chromium-"));
    const args = [...OPTIONS, `--user-data-dir=${profile}`, "about:blank"];
    const child = spawn(program!, args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    const browser = new Chromium(child, profile);
    await browser.call("Browser.getVersion");
    return browser;
  }

  async open(url: string, width = 1200, height = 900): Promise<Tab> {
    const { targetId } = await this.call<{ targetId: string }>("Target.createTarget", { url: "about:blank" });
    const attach = { targetId, flatten: true };
    const { sessionId } = await this.call<{ sessionId: string }>("Target.attachToTarget", attach);
    const tab = new Tab((method, params) => this.call(method, params, sessionId), this.#events, sessionId);
    await tab.prepare(width, height);
    await tab.go(url);
    return tab;
  }

  call<T>(method: string, params: object = {}, sessionId?: string): Promise<T> {
    const id = ++this.#sent;
    (this.#process.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => {
      this.#pending.set(id, ({ error, result }) => {
        if (error) reject(new Error(`${method}: ${error.message}`));
        else resolve(result as T);
      });
    });
  }

  async close(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.call("Browser.close").catch(() => {});
    // A browser in trouble may not hear it.
    const limit = setTimeout(() => this.#process.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(limit);
    for (const pipe of this.#process.stdio) pipe?.destroy();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10 });
  }

  #receive(answer: Answer): void {
    if (answer.id === undefined) {
      this.#events.emit(`${answer.sessionId} ${answer.method}`, answer.params);
      return;
    }
    this.#pending.get(answer.id)?.(answer);
    this.#pending.delete(answer.id);
  }
}

type Call = <T>(method: string, params?: object) => Promise<T>;

export class Tab {
  /** Errors, warnings and everything else the page or the browser wrote to the console. */
  readonly console: string[] = [];
  readonly #call: Call;
  readonly #events: EventEmitter;
  readonly #session: string;

  constructor(call: Call, events: EventEmitter, session: string) {
    this.#call = call;
    this.#events = events;
    this.#session = session;
    this.#on("Log.entryAdded", ({ entry }) => this.console.push((entry as { text: string }).text));
    this.#on("Runtime.consoleAPICalled", ({ args }) => this.console.push(JSON.stringify(args)));
    this.#on("Runtime.exceptionThrown", ({ exceptionDetails }) => this.console.push(JSON.stringify(exceptionDetails)));
    // A dialog would stop everything; that one came is what counts.
    this.#on("Page.javascriptDialogOpening", ({ message }) => {
      this.console.push(`dialog: ${message}`);
      this.#call("Page.handleJavaScriptDialog", { accept: true }).catch(() => {});
    });
  }

  async prepare(width: number, height: number): Promise<void> {
    for (const domain of ["Page", "Runtime", "Log"]) await this.#call(`${domain}.enable`);
    await this.size(width, height);
  }

  async size(width: number, height: number): Promise<void> {
    const mobile = width < 600;
    await this.#call("Emulation.setDeviceMetricsOverride", { width, height, mobile, deviceScaleFactor: 1 });
  }

  async scheme(value: "light" | "dark"): Promise<void> {
    await this.#call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
  }

  go(url: string): Promise<void> {
    return this.#loaded("Page.navigate", { url });
  }

  reload(): Promise<void> {
    return this.#loaded("Page.reload");
  }

  /** The value of an expression, awaited. */
  async evaluate<T>(expression: string): Promise<T> {
    const asked = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.#call<{
      result: { value: T };
      exceptionDetails?: { exception?: { description?: string } };
    }>("Runtime.evaluate", asked);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? "the page threw");
    return result.value;
  }

  /** Resolves with the value of an expression as soon as it is truthy; looked at whenever the document changes. */
  until<T = unknown>(expression: string): Promise<T> {
    return this.evaluate(`new Promise(resolve => {
      const watcher = new MutationObserver(() => look());
      const look = () => {
        const value = (${expression});
        if (value) { watcher.disconnect(); resolve(value); }
      };
      watcher.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      look();
    })`);
  }

  /** A PNG. */
  async screenshot(): Promise<Buffer> {
    const whole = { captureBeyondViewport: true };
    const { data } = await this.#call<{ data: string }>("Page.captureScreenshot", whole);
    return Buffer.from(data, "base64");
  }

  async #loaded(method: string, params?: object): Promise<void> {
    const loaded = once(this.#events, `${this.#session} Page.loadEventFired`);
    await this.#call(method, params);
    await loaded;
  }

  #on(method: string, listener: (params: Record<string, unknown>) => void): void {
    this.#events.on(`${this.#session} ${method}`, listener);
  }
}
