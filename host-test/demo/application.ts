// The application: MQTT.js, a client we did not write. Watches the device's events and sends it commands.
//
// On the platform it is `a:<org>:demo` and names the device in each topic; on a plain broker, where all share one space
// of topics, it uses the device's own.

import mqtt, { type IClientOptions, type MqttClient } from "mqtt";

export interface Watched {
  url: string;
  /** On the platform; undefined on a plain broker. */
  device?: { org: string; type: string; id: string };
  qos: 0 | 1 | 2;
  onEvent(event: { name: string; format: string; payload: string; qos: number }): void;
}

export class Application {
  private readonly client: MqttClient;
  private readonly watched: Watched;
  private readonly prefix: string;

  constructor(watched: Watched) {
    this.watched = watched;
    this.prefix = watched.device ? `iot-2/type/${watched.device.type}/id/${watched.device.id}` : "iot-2";
    this.client = mqtt.connect(watched.url, identity(watched));
    // Connection trouble is told by the device, which has the same; MQTT.js keeps trying.
    this.client.on("error", () => {});
    this.client.on("message", (topic, payload, packet) => this.received(topic, payload, packet.qos));
  }

  /** Resolves when events can no longer be missed. */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.client.subscribe(`${this.prefix}/evt/+/fmt/+`, { qos: 2 }, error => (error ? reject(error) : resolve()));
    });
  }

  command(name: string, data: unknown): void {
    this.client.publish(`${this.prefix}/cmd/${name}/fmt/json`, JSON.stringify(data), { qos: this.watched.qos });
  }

  async close(): Promise<void> {
    await this.client.endAsync(!this.client.connected);
  }

  private received(topic: string, payload: Buffer, qos: number): void {
    const levels = topic.slice(this.prefix.length + 1).split("/");
    this.watched.onEvent({ name: levels[1] ?? "", format: levels[3] ?? "", payload: payload.toString(), qos });
  }
}

function identity({ device }: Watched): IClientOptions {
  if (!device) return { clientId: `iotf-embedded-demo-${process.pid}` };
  return { clientId: `a:${device.org}:demo`, username: `a-${device.org}-demo`, password: "demo" };
}
