// The brokers with the configuration files of docs/brokers. A test changes nothing in them but ports and folders.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DeviceOptions } from "../../../../src/device/config.ts";
import { IDENTITY } from "../../support/identity.ts";
import { Mosquitto } from "./mosquitto.ts";
import { BrokerProcess, ENVIRONMENT, freePort, withoutBroker } from "./process.ts";
import { type Epmd, RabbitMq } from "./rabbitmq.ts";

/** Of the application in the files. */
export const APPLICATION = { username: "a-abc123-app", password: "application-token" };
/** Of all devices in the files. */
export const TOKEN = "device-token";

/** Options of a device. */
export function deviceOptions(port: number, id: string): DeviceOptions {
  return { ...IDENTITY, id, "auth-token": TOKEN, host: "127.0.0.1", port, tls: false };
}

/** What all brokers have in common for a test. */
export interface Broker {
  port: number;
  log: string;
  kill(signal?: NodeJS.Signals): Promise<void>;
  run(): Promise<void>;
  close(): Promise<void>;
}

/** A file of docs/brokers; each key of `changes` must be in it, and is replaced by its value. */
export function shipped(name: string, changes: Record<string, string> = {}): string {
  let text = readFileSync(new URL(`../../../../docs/brokers/${name}`, import.meta.url), "utf8");
  for (const [from, to] of Object.entries(changes)) {
    if (!text.includes(from)) throw new Error(`docs/brokers/${name} has no ${from}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

export async function shippedMosquitto(): Promise<Broker> {
  const passwords = `use-token-auth:${TOKEN}\n${APPLICATION.username}:${APPLICATION.password}\n`;
  const folders = { "/etc/mosquitto/": "%DIR%/", "/var/lib/mosquitto/": "%DIR%/" };
  const lines = shipped("mosquitto.conf", { "listener 1883": "", ...folders }).split("\n");
  return Mosquitto.start({
    config: lines,
    files: { "iotf.acl": shipped("mosquitto.acl"), "iotf.passwords": passwords },
    prepare: dir => execFileSync("mosquitto_passwd", ["-U", join(dir, "iotf.passwords")], { env: ENVIRONMENT }),
  });
}

export function withoutNats(): string | false {
  return withoutBroker("nats-server", "NATS", "nats-server");
}

class Nats extends BrokerProcess implements Broker {
  readonly port: number;

  constructor(port: number, text: string) {
    super("nats");
    this.port = port;
    writeFileSync(join(this.dir, "nats.conf"), text.replaceAll("%DIR%", this.dir));
  }

  run(): Promise<void> {
    return this.launch({ command: "nats-server", args: ["-c", join(this.dir, "nats.conf")], ready: /Server is ready/ });
  }
}

export async function shippedNats(): Promise<Broker> {
  const port = await freePort();
  const changes = {
    "127.0.0.1:4222": "127.0.0.1:-1", // any free port
    "0.0.0.0:1883": `127.0.0.1:${port}`,
    "/var/lib/nats": "%DIR%",
  };
  const broker = new Nats(port, shipped("nats.conf", changes));
  await broker.run();
  return broker;
}

/** The files of a node; `host` is where it takes MQTT. */
function rabbitMqFiles(host: string, port: number): Record<string, string> {
  return {
    "rabbitmq.conf": shipped("rabbitmq.conf", { "= 1883": `= ${host}:${port}`, "/etc/rabbitmq/": "%DIR%/" }),
    enabled_plugins: shipped("rabbitmq-enabled-plugins"),
    "definitions/devices.json": shipped("rabbitmq-definitions.json"),
  };
}

export async function shippedRabbitMq(): Promise<Broker> {
  const port = await freePort();
  return RabbitMq.start({ port, files: rabbitMqFiles("127.0.0.1", port) });
}

/** RabbitMQ that asks rabbitmq-tokens.mjs, at `url`, which token belongs to which client id. */
export async function shippedRabbitMqWithTokens(url: string): Promise<Broker> {
  const port = await freePort();
  const files = rabbitMqFiles("127.0.0.1", port);
  files["rabbitmq.conf"] += shipped("rabbitmq-tokens.conf", { "http://127.0.0.1:8000": url });
  files.enabled_plugins = "[rabbitmq_mqtt, rabbitmq_auth_backend_http].\n";
  return RabbitMq.start({ port, files });
}

/** A node of the cluster of two, "a" or "b"; both take MQTT on the same port of different addresses. */
export function shippedClusterNode(name: "a" | "b", host: string, port: number, epmd: Epmd): Promise<RabbitMq> {
  const files = rabbitMqFiles(host, port);
  const names = { "rabbit@node1": "a@localhost", "rabbit@node2": "b@localhost" };
  files["rabbitmq.conf"] += shipped("rabbitmq-cluster.conf", names);
  files["definitions/mirrors.json"] = shipped("rabbitmq-cluster-definitions.json");
  return RabbitMq.start({ port, files, name, epmd });
}
