// Eclipse Mosquitto, started on a free loopback port with a configuration of the test.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { BrokerProcess, freePort, withoutBroker } from "./process.ts";

export { freePort };

/** Why a test that needs Mosquitto is skipped; false when it can run. Absent in CI it is an error, not a skip. */
export function withoutMosquitto(): string | false {
  return withoutBroker("mosquitto", "Mosquitto", "mosquitto");
}

export interface MosquittoOptions {
  /** Default: a free one. */
  port?: number;
  /** Lines of mosquitto.conf behind the listener's; `%DIR%` is the broker's folder. */
  config?: string[];
  /** Files to put in its folder first. */
  files?: Record<string, string>;
  /** Log no packets; for benches. */
  quiet?: boolean;
  /** Called with the folder before the broker starts. */
  prepare?: (dir: string) => void;
}

export class Mosquitto extends BrokerProcess {
  readonly port: number;

  private constructor(port: number) {
    super("mosquitto");
    this.port = port;
  }

  static async start({
    port,
    config = ["allow_anonymous true"],
    files = {},
    quiet = false,
    prepare,
  }: MosquittoOptions = {}): Promise<Mosquitto> {
    const broker = new Mosquitto(port ?? (await freePort()));
    const { dir } = broker;
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    prepare?.(dir);
    const logged = quiet ? "log_type information" : "log_type all";
    const lines = [`listener ${broker.port} 127.0.0.1`, ...config, "log_dest stderr", logged];
    // It gives up root's rights, and could then not read its own folder.
    if (process.getuid?.() === 0) lines.push("user root");
    writeFileSync(join(dir, "mosquitto.conf"), `${lines.join("\n").replaceAll("%DIR%", dir)}\n`);
    await broker.run();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Starts it again after {@link kill}, on the same port with the same files. */
  run(): Promise<void> {
    const args = ["-c", join(this.dir, "mosquitto.conf")];
    return this.launch({ command: "mosquitto", args, ready: /mosquitto version .* running/ });
  }
}
