// A TMP36 on an analog pin (10 mV per degree, 500 mV at 0 °C); in the simulator, a slow wave.

import Time from "time";

const PIN = 34;
const FULL_SCALE_MV = 3300;

export function readCelsius() {
  const Analog = globalThis.device?.io?.Analog;
  return Math.round((Analog ? measured(new Analog({ pin: PIN })) : simulated()) * 10) / 10;
}

function measured(analog) {
  const millivolts = (analog.read() / ((1 << analog.resolution) - 1)) * FULL_SCALE_MV;
  analog.close();
  return (millivolts - 500) / 10;
}

function simulated() {
  return 20 + 5 * Math.sin(Time.ticks / 60_000);
}
