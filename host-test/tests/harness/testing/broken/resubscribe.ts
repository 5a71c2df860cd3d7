// A gateway that makes itself a new client whenever the connection is lost. Broken: only its first client subscribes.

import { MqttClient } from "../../../../../dist/node.js";
import type { Bench } from "../../../../../dist/testing.js";

export function gateway({ ports }: Bench, broken: boolean): string[] {
  const switched: string[] = [];
  const options = { endpoint: { host: "broker.test", port: 1883 }, clientId: "gateway" };

  function start(subscribes: boolean): void {
    const client = new MqttClient(options, ports);
    client.messageCallback = ({ topic }) => switched.push(topic);
    client.disconnectedCallback = () => {
      client.disconnectedCallback = undefined;
      client.disconnect();
      setTimeout(() => start(!broken), 5000);
    };
    if (subscribes) client.subscribe([{ topic: "lamp/+", qos: 1 }]);
    client.connect();
  }

  start(true);
  return switched;
}
