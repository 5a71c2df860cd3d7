// Checks of numbers, for the options of MqttClient and of DeviceClient.

import { ConfigurationException } from "../errors.ts";

export function checkRange(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === "number" && value % 1 === 0 && value >= least && value <= most) return value;
  throw new ConfigurationException(`${name} must be a whole number ${least}..${most}, not ${value}`);
}

export function checkSeconds(name: string, seconds: unknown): number {
  if (typeof seconds === "number" && seconds > 0 && seconds <= 65535) return seconds;
  throw new ConfigurationException(`${name} must be a number of seconds above 0, at most 65535, not ${seconds}`);
}
