// Checks of numbers, for the options of MqttClient and of DeviceClient.

import { ConfigurationException } from "../errors.ts";

export function checkRange(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === "number" && value % 1 === 0 && value >= least && value <= most) return value;
  throw new ConfigurationException(`${name} must be a whole number ${least}..${most}, not ${value}`);
}

/** @param isDelay the range is that of `reconnectDelay` */
export function checkSeconds(name: string, seconds: unknown, isDelay = false): number {
  if (typeof seconds === "number" && seconds > 0 && seconds <= (isDelay ? 120 : 65535) && (seconds >= 2 || !isDelay))
    return seconds;
  throw new ConfigurationException(
    `${name} must be a number of seconds ${isDelay ? "2..120" : "above 0, at most 65535"}, not ${seconds}`,
  );
}
