// A thermostat. Reports the temperature, and heats when it is below the target; both can be set by command:
//
//   setInterval {"seconds": 10}      how often it reports; 60 at first
//   setTarget   {"celsius": 21}      none at first: no heating
//
// Events: `temperature` {"celsius"} at QoS 0, for there will be another; `heating` {"on"} at QoS 1, for each one counts.
// What the outbox does not take of these is sent as soon as there is room: the last state, not all of them.

import { type Command, DeviceClient, type DeviceOptions, type Ports } from "iotf-embedded";

export interface Hardware {
  readCelsius(): number;
  heat(on: boolean): void;
  /** green: connected. yellow: trying. red: refused, somebody has to see to its token. */
  lamp(colour: "green" | "yellow" | "red"): void;
}

export interface Board {
  options: DeviceOptions;
  /** Of the engine: `nodePorts` on Node, `devicePorts` on Moddable. */
  ports: Ports;
}

export function thermostat({ options, ports }: Board, hardware: Hardware): void {
  const client = new DeviceClient({ ...options, "clean-session": false }, ports);
  const timer = ports.clock.timer(measure);
  let intervalMs = 60_000;
  let target = Number.NEGATIVE_INFINITY;
  let heating = false;
  let unreported = false;

  function measure(): void {
    timer.set(intervalMs);
    const celsius = hardware.readCelsius();
    client.publishEvent("temperature", "json", { celsius });
    const on = celsius < target;
    if (on !== heating) {
      heating = on;
      hardware.heat(on);
      unreported = true;
    }
    report();
  }

  function report(): void {
    if (unreported) unreported = !client.publishEvent("heating", "json", { on: heating }, 1);
  }

  function obey({ command, data }: Command): void {
    const { seconds, celsius } = (data ?? {}) as { seconds?: unknown; celsius?: unknown };
    if (command === "setInterval" && typeof seconds === "number" && seconds >= 1 && seconds <= 86_400) {
      intervalMs = seconds * 1000;
      timer.set(intervalMs);
    } else if (command === "setTarget" && typeof celsius === "number") {
      target = celsius;
      measure();
    } else {
      client.publishEvent("misunderstood", "json", { command, data });
    }
  }

  client.commandCallback = obey;
  client.connectedCallback = () => {
    hardware.lamp("green");
    report();
  };
  client.disconnectedCallback = (_reason, retryMs) => {
    hardware.lamp(retryMs >= 0 ? "yellow" : "red");
    if (retryMs >= 0) return;
    // Nothing can be sent any more; heating goes on as it is until somebody comes.
    timer.clear();
  };
  hardware.lamp("yellow");
  client.connect();
  measure();
}
