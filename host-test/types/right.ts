// Right uses compile, without a cast. Checked by tsc against the declarations of the package (npm run check); never run.

import { HttpClient } from "../../dist/http-node.js";
import * as core from "../../dist/iotf-embedded.js";
import {
  type Codec,
  type Command,
  ConfigurationException,
  ConnectionException,
  DeviceClient,
  type DeviceOptions,
  type ErrorCode,
  InvalidEventException,
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
  UnsupportedAuthenticationMethod,
} from "../../dist/node.js";

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
    { ...parseConfigFile("device.cfg"), host: "127.0.0.1", tls: false },
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
  client.disconnectedCallback = (reason, willRetry) => {
    if (reason?.code === "refused" && !willRetry) console.log(reason.returnCode + 1);
  };
  client.errorCallback = error => console.log(error.message);
  client.connect();
  client.disconnect();
  client.disconnect(() => {});
  return client.clientId;
}

const codec: Codec = {
  encode: (data, timestamp) => `${data}@${timestamp.toISOString()}`,
  decode: ({ payload, topic }) => ({ data: `${topic} ${payload.length}`, timestamp: new Date() }),
};

export function codecs(client: DeviceClient): void {
  client.setMessageEncoderModule("custom", codec);
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

export function http(): void {
  const client = new HttpClient(options);
  client.publishEvent("status", "json", { cpu: 60 });
  client.publishEvent("status", "text", "hello", error => console.log(error?.message));
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
