// The thermostat on a PC, on Node or in XS; on a board only the hardware and the ports are others.

import { nodePorts } from "iotf-embedded";
import { thermostat } from "./thermostat.ts";

let celsius = 20;
let heating = false;

thermostat(
  {
    options: {
      org: "abc123",
      type: "thermo",
      id: "t-01",
      "auth-method": "token",
      "auth-token": "demo-token",
      host: "127.0.0.1",
      port: 1883,
    },
    ports: nodePorts,
  },
  {
    readCelsius() {
      celsius += heating ? 0.5 : -0.1;
      return Math.round(celsius * 10) / 10;
    },
    heat(on) {
      heating = on;
      console.log(on ? "heating" : "not heating");
    },
    lamp: colour => console.log(`the lamp is ${colour}`),
  },
);
