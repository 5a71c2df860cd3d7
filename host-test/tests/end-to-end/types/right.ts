// Right uses compile, without a cast. Checked by tsc against the declarations of the package (npm run check); never run.

import { HttpClient, type HttpCommand } from "../../../../dist/http-node.js";
import * as core from "../../../../dist/index.js";
import {
  type Codec,
  type Command,
  ConfigurationException,
  ConnectionException,
  DeviceClient,
  type DeviceOptions,
  type ErrorCode,
  type Format,
  type FormatData,
  type Formats,
  InvalidEventException,
  type IotfError,
  MissingMessageDecoderException,
  MissingMessageEncoderException,
  MqttClient,
  nodePorts,
  type Ports,
  parseConfig,
  parseConfigFile,
  parseConfigYaml,
  parseEnvVars,
  parseNestedConfig,
  type ReportedError,
  UnsupportedAuthenticationMethod,
} from "../../../../dist/node.js";

declare module "../../../../dist/node.js" {
  interface Formats {
    rows: string[];
  }
}

const options: DeviceOptions = {
  org: "abc123",
  type: "thermo",
  id: "t-01",
  "auth-method": "token",
  "auth-token": "secret",
  "clean-session": "True",
  port: "8883",
  ca: new Uint8Array(1),
  will: { event: "state", payload: '{"online":false}', qos: 1 },
  limits: { inflight: 4 },
};

export function constructors(ports: Ports): DeviceClient[] {
  return [
    new DeviceClient(),
    new DeviceClient(options),
    new DeviceClient({}, ports),
    new DeviceClient(options, nodePorts),
  ];
}

export const onAnyEngine = (ports: core.Ports): core.DeviceClient => new core.DeviceClient(options, ports);

export function configurations(): DeviceOptions[] {
  const nested = { identity: { orgId: "o", typeId: "t", deviceId: "d" }, auth: { token: "t" } };
  return [
    parseConfig("org=abc123"),
    parseConfigFile("device.cfg"),
    { ...parseConfigFile("device.cfg"), host: "127.0.0.1", tls: false, timeout: 0.5 },
    { ...options, "auth-method": "apikey" },
    parseConfigYaml("identity: {}"),
    parseNestedConfig(nested),
    parseEnvVars(),
    parseEnvVars({ WIOTP_AUTH_TOKEN: undefined }),
  ];
}

export function events(client: DeviceClient): boolean {
  const qos: 0 | 1 | 2 = 1;
  client.publishEvent("status", "json", { name: "foo", cpu: 60, mem: 50 });
  client.publishEvent("status", "json", [1, "two", null], 2);
  client.publishEvent("status", "raw", new Uint8Array(4), 0, () => {});
  const accepted: boolean = client.publishEvent("status", "utf8", "text", qos, error => {
    if (error) console.log(error.message);
  });
  return accepted && client.connected;
}

export function commands(client: DeviceClient): void {
  client.commandCallback = command => {
    const name: string = command.command;
    const format: string = command.format;
    const when: number = command.timestamp.getTime();
    if (typeof command.data === "object" && command.data && "interval" in command.data) {
      console.log(name, format, when, command.data.interval);
    }
  };
  client.commandCallback = ({ data }: Command) => console.log(data);
  client.commandCallback = undefined;
}

export function life(client: DeviceClient): string {
  client.connectedCallback = () => {};
  client.disconnectedCallback = (reason, retryMs) => {
    if (reason?.code === "refused" && retryMs < 0) console.log(reason.returnCode + 1);
  };
  client.errorCallback = error => console.log(error.message);
  client.connect();
  client.disconnect();
  client.disconnect(() => {});
  return client.clientId;
}

/** The format decides the type of the data. */
export function formats(client: DeviceClient, command: Command, format: string): number {
  client.publishEvent("row", "rows", ["a", "b"]);
  client.publishEvent("row", "not-declared", 7);
  client.publishEvent("row", format, { any: "thing" });
  client.publishEvent("row", "json-iotf", { cpu: 60 });
  if (command.format === "utf8") return command.data.length;
  if (command.format === "raw") return command.data.byteLength;
  if (command.format === "rows") return command.data.map(cell => cell.trim()).length;
  const name: "json" | "json-iotf" = command.format;
  return name.length;
}

/** A handler of one format only. */
export const onText = (command: Command<"utf8">): string => command.data.toUpperCase();

/** A function that passes on what it is given needs no cast. */
export function forward<F extends Format>(client: DeviceClient, format: F, data: FormatData<F>): boolean {
  return client.publishEvent("row", format, data);
}

const rows: Codec<Formats["rows"]> = {
  encode: cells => cells.join(";"),
  decode: ({ payload }) => ({ data: String.fromCharCode(...payload).split(";") }),
};

const codec: Codec = {
  encode: (data, timestamp) => `${data}@${timestamp.toISOString()}`,
  decode: ({ payload, topic }) => ({ data: `${topic} ${payload.length}`, timestamp: new Date() }),
};

export function codecs(client: DeviceClient): void {
  client.setMessageEncoderModule("custom", codec);
  client.setMessageEncoderModule("rows", rows);
  client.setMessageEncoderModule("not-declared", rows);
  client.setMessageEncoderModule("json", codec);
  client.setMessageEncoderModule("bytes", { encode: () => new Uint8Array(0), decode: () => ({ data: 1 }) });
}

export function errors(error: unknown): ErrorCode | undefined {
  if (error instanceof ConfigurationException) {
    const base: ConnectionException = error;
    return base.code;
  }
  if (error instanceof UnsupportedAuthenticationMethod || error instanceof ConnectionException) return error.code;
  if (error instanceof MissingMessageEncoderException || error instanceof MissingMessageDecoderException) {
    return error.code;
  }
  return error instanceof InvalidEventException ? error.code : undefined;
}

/** `code` narrows to the class. */
export function narrowed(error: IotfError): number {
  if (error.code === "refused") return error.returnCode;
  if (error.code === "invalid-event") {
    const invalid: InvalidEventException = error;
    return invalid.message.length;
  }
  switch (error.code) {
    case "configuration":
    case "auth-method": {
      const wrong: ConfigurationException | UnsupportedAuthenticationMethod = error;
      return wrong.message.length;
    }
    case "no-encoder": {
      const missing: MissingMessageEncoderException = error;
      return missing.message.length;
    }
  }
  const other: "no-decoder" | Exclude<ConnectionException["code"], "refused" | "configuration" | "auth-method"> =
    error.code;
  return other.length;
}

/** An error callback gets the application's own errors too; one that takes any Error fits. */
export function reported(error: ReportedError): number | undefined {
  const any: (error: Error) => void = console.log;
  const callback: (error: ReportedError) => void = any;
  callback(new RangeError("mine"));
  return error.code === "refused" ? error.returnCode : undefined;
}

export function httpCommands(command: HttpCommand): number {
  return command.format === "text" || command.format === "xml" ? command.data.length : 0;
}

export function http(): void {
  const client = new HttpClient(options);
  client.publishEvent("status", "json", { cpu: 60 });
  client.publishEvent("status", "text", "hello", error => console.log(error?.message));
  client.publishEvent("status", "bin", new Uint8Array(1));
  client.requestCommand("+", 60, (error, command) => {
    if (error) console.log(error.message);
    else if (command) console.log(command.command, command.data);
  });
  client.close();
}

export function plain(): MqttClient {
  const client = new MqttClient({ endpoint: { host: "127.0.0.1", port: 1883 }, clientId: "plain" });
  client.messageCallback = ({ topic, payload }) => console.log(topic, payload.length);
  client.publish("a/b", new Uint8Array(1), 2, true);
  return client;
}
