// `npm start`: a local platform, a device and an application exchange messages, and the console shows them.

import { fileURLToPath } from "node:url";
import type { DeviceOptions } from "../../../dist/node.js";
import { type Address, addressUrl } from "../cli/args.ts";
import { Console, type Line } from "../cli/console.ts";
import { machineFigures } from "../cli/demo/figures.ts";
import { DEMO_DEVICE, demoDeviceOptions, organization } from "../cli/demo-device.ts";
import { reportLine } from "../cli/device-report.ts";
import { UsageError } from "../cli/errors.ts";
import { whereTo } from "../cli/target.ts";
import { type Platform, startPlatform } from "../platform/platform.ts";
import { type Engine, startEngine } from "../xs/engines.ts";
import { Application } from "./application.ts";
import { HELP, parseOptions, type Settings } from "./options.ts";

const DEVICE = fileURLToPath(new URL("../cli/demo/device.js", import.meta.url));

const terminal = new Console(process);
const print = (line: Line) => terminal.print(line);

class Demo {
  private readonly settings: Settings;
  private platform: Platform | undefined;
  private deviceOptions: DeviceOptions = {};
  private application: Application | undefined;
  private device: Engine | undefined;
  private received = 0;
  private readonly handled = new Set<string>();
  private commanded = 0;
  // The device is managed; the operator has begun, and has ended.
  private managed = false;
  private operating = false;
  private operated = false;
  private quickstart = false;
  private qos: 0 | 1 | 2 = 1;
  private timer: NodeJS.Timeout | undefined;
  private ending: Promise<void> | undefined;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  async run(): Promise<void> {
    const { options, url, onPlatform } = await this.choosePlatform();
    this.deviceOptions = options;
    this.quickstart = organization(options) === "quickstart";
    this.qos = this.settings.qos ?? (this.quickstart ? 0 : 1);
    const { managed } = this.settings;
    if (managed && !(onPlatform && options.type && options.id && !this.quickstart)) {
      throw new UsageError("--managed needs a registered device on the local platform");
    }
    if (this.quickstart && this.qos > 0) throw new UsageError("--qos: org quickstart takes QoS 0 only");
    if (url) await this.startApplication(url, onPlatform ? options : undefined);
    else
      print({
        party: "app",
        direction: " ",
        kind: "absent",
        text: "no credentials of an application for this platform",
      });
    this.restartTimer();
    const argument = { options, qos: this.qos, managed };
    this.device = await startEngine(this.settings.engine, DEVICE, argument, {
      figures: machineFigures(),
      report: ([what, details]: [string, Record<string, unknown>]) => this.deviceReported(what, details),
    });
    if (this.ending) await this.stopDevice();
  }

  /** Ends the device first, so that its DISCONNECT is seen; `code` is the exit code. */
  end(code: number, reason?: string): Promise<void> {
    this.ending ??= this.close(code, reason);
    return this.ending;
  }

  // The options of the device, and the address for the application.
  private async choosePlatform(): Promise<{ options: DeviceOptions; url?: string; onPlatform: boolean }> {
    const { broker, config } = this.settings;
    // A Quickstart device may have no type and id; the application subscribes by them.
    const { type, id } = DEMO_DEVICE;
    const options: DeviceOptions = config ? { type, id, ...config } : demoDeviceOptions();
    if (broker) {
      const url = addressUrl({ ...broker, tls: false });
      return { options: { ...options, host: broker.host, port: broker.port, tls: false }, url, onPlatform: false };
    }
    if (options.host) {
      // The parser of the file has made these a number and a boolean.
      const { host, port, tls = options.org === "quickstart" ? false : undefined } = options as Partial<Address>;
      return { options, url: addressUrl(whereTo({ host, port, tls }, "")), onPlatform: false };
    }
    if (options.domain) {
      if (this.settings.events)
        throw new UsageError("--events needs an application, which needs host instead of domain in the file");
      return { options, onPlatform: false };
    }
    this.platform = await this.startPlatform(options);
    const { port, url } = this.platform;
    return { options: { ...options, host: "127.0.0.1", port, tls: false }, url, onPlatform: true };
  }

  private async startPlatform(options: DeviceOptions): Promise<Platform> {
    const org = organization(options);
    const { type, id } = options;
    const token = options["auth-token"];
    const registered = org !== "quickstart" && type && id && token;
    const platform = await startPlatform(registered ? { devices: [{ org, type, id, token }] } : { orgs: [org] });
    print({ party: "platform", direction: " ", kind: "listening", text: platform.url });
    platform.on("disconnect", ({ clientId, clean }) => {
      const text = clean ? `${clientId} sent DISCONNECT` : `${clientId} closed without DISCONNECT`;
      print({ party: "platform", direction: " ", kind: "disconnect", text });
    });
    platform.on("violation", ({ clientId, detail }) => {
      print({ party: "platform", direction: " ", kind: "violation", text: `${clientId}: ${detail}`, bad: true });
    });
    return platform;
  }

  private async startApplication(url: string, options: DeviceOptions | undefined): Promise<void> {
    const { type = "", id = "" } = options ?? {};
    const application = new Application({
      url,
      qos: this.qos,
      ...(options ? { device: { org: organization(options), type, id } } : {}),
      onEvent: event => this.eventArrived(event),
    });
    this.application = application;
    // Not awaited for another broker: if it is unreachable, the device reports it.
    if (this.platform) await application.ready();
    else application.ready().catch(() => {});
  }

  private eventArrived({ name, format, payload, qos }: Parameters<Application["options"]["onEvent"]>[0]): void {
    if (this.ending) return;
    this.received++;
    print({ party: "app", direction: "←", kind: "event", name, format, qos, text: payload });
    this.restartTimer();
    this.commandNext();
    this.endIfDone();
  }

  // Commands after the first events: two that the device handles, and one that lacks its argument.
  private commandNext(): void {
    if (this.quickstart) return;
    const next = this.commanded++;
    if (next === 0) this.command("print", { message: "Hello from the application" });
    else if (next === 1) this.command("setInterval", { interval: 0.5 });
    else if (next === 3) this.command("setInterval", {});
    else if (next % 20 === 0) this.command("print", { message: `${this.received} events seen` });
  }

  private command(name: string, data: unknown): void {
    const text = JSON.stringify(data);
    print({ party: "app", direction: "→", kind: "command", name, format: "json", qos: this.qos, text });
    this.application?.command(name, data);
  }

  private deviceReported(what: string, details: Record<string, unknown>): void {
    print(reportLine({ what, details }));
    const reason = details.reason as string | undefined;
    if (what === "disconnected" && reason !== undefined && Number(details.retryMs) < 0) this.end(1, reason);
    if (what === "managed") this.managed = true;
    if (what === "handled") this.handled.add(details.command as string);
    // Not before: a command that arrives during the restart is lost with the session.
    if (this.managed && this.bothHandled && !this.operating) void this.operate();
    if (what === "handled") this.endIfDone();
  }

  // What an operator would do: restarts the device, and updates its firmware.
  private async operate(): Promise<void> {
    const { org = organization(this.deviceOptions), type, id } = this.deviceOptions;
    this.operating = true;
    if (!this.platform || !org || !type || !id) return;
    const operator = this.platform.management({ org, type, id });
    const image = { version: "2.0.0", uri: "http://127.0.0.1/demo-2.0.0.bin" };
    for (const [name, act] of [
      ["reboot", () => operator.reboot()],
      ["download", () => operator.downloadFirmware(image)],
      ["update", () => operator.updateFirmware()],
    ] as const) {
      print({ party: "app", direction: "→", kind: "request", name });
      const { status, text } = await act();
      if (this.ending) return;
      print({ party: "app", direction: "←", kind: status, name, text, bad: status !== "done" });
      if (status !== "done") return this.end(1, `${name}: ${text}`);
    }
    this.operated = true;
    this.endIfDone();
  }

  private endIfDone(): void {
    const { events, managed } = this.settings;
    if (!events || this.received < events || (managed && !this.operated)) return;
    if (this.quickstart || this.bothHandled) this.end(0);
  }

  private get bothHandled(): boolean {
    return this.handled.has("setInterval") && this.handled.has("print");
  }

  private restartTimer(): void {
    const { events, timeoutMs } = this.settings;
    if (!events) return;
    clearTimeout(this.timer);
    const reason = `no event for ${timeoutMs / 1000} s; received ${this.received} of ${events}`;
    this.timer = setTimeout(() => this.end(1, reason), timeoutMs);
  }

  private async stopDevice(): Promise<void> {
    await this.device?.invoke("stop");
    await this.device?.close();
  }

  private async close(code: number, reason: string | undefined): Promise<void> {
    clearTimeout(this.timer);
    if (reason) process.stderr.write(`npm start: ${reason}\n`);
    process.exitCode = code;
    await this.stopDevice();
    await this.application?.close();
    await this.platform?.close();
  }
}

async function main(): Promise<void> {
  const settings = parseOptions(process.argv.slice(2));
  if (settings.help) {
    process.stdout.write(HELP);
    return;
  }
  const demo = new Demo(settings);
  // The first Ctrl-C disconnects; the second one ends the process.
  const stop = () => demo.end(settings.events ? 130 : 0);
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  // EPIPE: the reader of the output has ended, as `| head` does.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    void stop();
  });
  try {
    await demo.run();
  } catch (error) {
    await demo.end(1);
    throw error;
  }
}

main().catch(error => {
  // Errors that the user can fix take one line. Any other error is a bug and needs its stack.
  const expected = error instanceof UsageError || /Exception$|Authentication/.test(error.name);
  process.stderr.write(`npm start: ${expected ? error.message : error.stack}\n`);
  process.exit(expected ? 2 : 1); // the device may still retry
});
