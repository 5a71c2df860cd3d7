// The servers of the fault runs: Mosquitto with persistence, which can be ended and started again, and the local
// platform. Both with an application (MQTT.js, durable) that is connected directly, not through the proxy.

import mqtt, { type MqttClient } from "mqtt";
import { startPlatform } from "../../harness/platform/platform.ts";
import { Mosquitto } from "../end-to-end/broker/mosquitto.ts";
import { CLIENT_ID, DEVICE, ON_APP } from "../harness/platform/testing.ts";
import { TOKEN } from "../support/identity.ts";

/** Options of MqttClient for the device of device.js. */
export const deviceOptions = (port: number) => ({
  endpoint: { host: "127.0.0.1", port },
  clientId: CLIENT_ID,
  username: "use-token-auth",
  password: TOKEN,
  clean: false,
  keepAlive: 30,
});

export type ServerName = "mosquitto" | "platform";

export interface FaultServer {
  port: number;
  /** Before "/evt/…" and "/cmd/…" on the application's side. */
  prefix: string;
  application: MqttClient;
  /** Ends the server and starts it again. Absent: it would forget its sessions. */
  restart?: () => Promise<void>;
  close(): Promise<void>;
}

export function startServer(name: ServerName): Promise<FaultServer> {
  return name === "mosquitto" ? onMosquitto() : onPlatform();
}

// Restarted by SIGTERM, which lets it save all: what a SIGKILL would cost it is not what is tested. It may have more on
// its way to one client, and from one, than there ever is: version 2.0.11 as Debian has it forgets which messages beyond
// that it has released, and acknowledges and drops what comes in beyond it (PUBACK with the code 151 of MQTT 5) when
// max_queued_messages is 0, though that should mean "without limit".
async function onMosquitto(): Promise<FaultServer> {
  const broker = await Mosquitto.start({
    config: [
      ...["allow_anonymous true", "persistence true", "persistence_location %DIR%/"],
      ...["autosave_interval 0", "max_inflight_messages 200", "max_queued_messages 10000"],
    ],
    quiet: true,
  });
  const application = await durable(broker.url, { clientId: "application" });
  return {
    port: broker.port,
    prefix: "iot-2",
    application,
    restart: async () => {
      await broker.kill("SIGTERM");
      await broker.run();
    },
    close: async () => {
      await application.endAsync(true);
      await broker.close();
    },
  };
}

async function onPlatform(): Promise<FaultServer> {
  const platform = await startPlatform({ devices: [DEVICE] });
  const application = await durable(platform.url, {
    clientId: "a:abc123:faults",
    username: "a-abc123-faults",
    password: "x",
  });
  return {
    port: platform.port,
    prefix: ON_APP,
    application,
    close: async () => {
      await application.endAsync(true);
      await platform.close();
    },
  };
}

function durable(url: string, options: mqtt.IClientOptions): Promise<MqttClient> {
  return mqtt.connectAsync(url, { ...options, clean: false, reconnectPeriod: 20 });
}
