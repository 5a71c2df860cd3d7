// A node of RabbitMQ, alone or of a cluster. All that it writes is in its folder, all that it opens is on loopback, and
// its port mapper (epmd) is one of the test's, not the one of the machine.

import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BrokerProcess, ENVIRONMENT, freePort, withoutBroker } from "./process.ts";

export function withoutRabbitMq(): string | false {
  return withoutBroker("rabbitmq-server", "RabbitMQ", "rabbitmq-server");
}

/** Erlang's port mapper, which tells the nodes of a cluster where the others are. */
export class Epmd extends BrokerProcess {
  readonly port: number;

  private constructor(port: number) {
    super("epmd");
    this.port = port;
  }

  static async start(): Promise<Epmd> {
    const epmd = new Epmd(await freePort());
    const args = ["-d", "-d", "-address", "127.0.0.1", "-port", String(epmd.port)];
    await epmd.launch({ command: "epmd", args, ready: /entering the main select/ });
    return epmd;
  }
}

export interface RabbitMqOptions {
  /** Of MQTT. */
  port: number;
  /** Files of its folder: rabbitmq.conf, enabled_plugins and what they name. `%DIR%` is the folder. */
  files: Record<string, string>;
  /** Its name in a cluster. */
  name?: string;
  /** That of its cluster; default: one of its own. */
  epmd?: Epmd;
}

export class RabbitMq extends BrokerProcess {
  readonly port: number;
  private readonly ownEpmd: Epmd | undefined;
  private readonly env: NodeJS.ProcessEnv;

  private constructor(port: number, ownEpmd: Epmd | undefined, env: NodeJS.ProcessEnv) {
    super("rabbitmq");
    this.port = port;
    this.ownEpmd = ownEpmd;
    this.env = env;
  }

  static async start({ port, files, name = "alone", epmd }: RabbitMqOptions): Promise<RabbitMq> {
    const own = epmd ? undefined : await Epmd.start();
    const broker = new RabbitMq(port, own, {
      ...ENVIRONMENT,
      ERL_EPMD_PORT: String((epmd ?? own)!.port),
      ERL_EPMD_ADDRESS: "127.0.0.1",
      RABBITMQ_NODENAME: `${name}@localhost`,
      RABBITMQ_DIST_PORT: String(await freePort()),
      // No port mapper of the machine; one core, as several nodes share this one.
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
      RABBITMQ_LOGS: "-",
      // The script becomes the server, so that a signal reaches it.
      RUNNING_UNDER_SYSTEMD: "true",
    });
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(broker.dir, file)), { recursive: true });
      writeFileSync(join(broker.dir, file), text.replaceAll("%DIR%", broker.dir));
    }
    const cookie = join(broker.dir, ".erlang.cookie");
    writeFileSync(cookie, "of-this-test-only");
    chmodSync(cookie, 0o400);
    try {
      await broker.run();
    } catch (error) {
      await broker.close();
      throw error;
    }
    return broker;
  }

  /** Starts it again after {@link kill}, with its data. */
  run(): Promise<void> {
    const { dir } = this;
    const env = {
      ...this.env,
      HOME: dir,
      RABBITMQ_MNESIA_BASE: join(dir, "mnesia"),
      RABBITMQ_LOG_BASE: join(dir, "log"),
      RABBITMQ_CONFIG_FILE: join(dir, "rabbitmq.conf"),
      RABBITMQ_CONF_ENV_FILE: join(dir, "none"),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, "enabled_plugins"),
    };
    return this.launch({ command: "rabbitmq-server", args: [], env, ready: /Server startup complete/ });
  }

  override async close(): Promise<void> {
    await super.close();
    await this.ownEpmd?.close();
  }
}
