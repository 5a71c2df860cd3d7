// The application of the demo, with MQTT.js. Subscribes to the events of the device and sends it commands.
//
// On the platform it is `a:<org>:demo`, and topics have the type and id of the device. On another broker it uses the
// topics of the device.

import mqtt, { type IClientOptions, type MqttClient } from "mqtt";

export interface ApplicationOptions {
  url: string;
  /** Undefined on a broker that is not a platform. */
  device?: { org: string; type: string; id: string };
  qos: 0 | 1 | 2;
  onEvent(event: { name: string; format: string; payload: string; qos: number }): void;
}

export class Application {
  private readonly client: MqttClient;
  private readonly options: ApplicationOptions;
  private readonly prefix: string;

  constructor(options: ApplicationOptions) {
    this.options = options;
    this.prefix = options.device ? `iot-2/type/${options.device.type}/id/${options.device.id}` : "iot-2";
    this.client = mqtt.connect(options.url, identity(options));
    // Not reported: the device reports the same errors. MQTT.js retries.
    this.client.on("error", () => {});
    this.client.on("message", (topic, payload, packet) => this.received(topic, payload, packet.qos));
  }

  /** Resolves when the application has subscribed. */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.client.subscribe(`${this.prefix}/evt/+/fmt/+`, { qos: 2 }, error => (error ? reject(error) : resolve()));
    });
  }

  command(name: string, data: unknown): void {
    this.client.publish(`${this.prefix}/cmd/${name}/fmt/json`, JSON.stringify(data), { qos: this.options.qos });
  }

  async close(): Promise<void> {
    await this.client.endAsync(!this.client.connected);
  }

  private received(topic: string, payload: Buffer, qos: number): void {
    const levels = topic.slice(this.prefix.length + 1).split("/");
    this.options.onEvent({ name: levels[1] ?? "", format: levels[3] ?? "", payload: payload.toString(), qos });
  }
}

function identity({ device }: ApplicationOptions): IClientOptions {
  if (!device) return { clientId: `iotf-embedded-demo-${process.pid}` };
  return { clientId: `a:${device.org}:demo`, username: `a-${device.org}-demo`, password: "demo" };
}
