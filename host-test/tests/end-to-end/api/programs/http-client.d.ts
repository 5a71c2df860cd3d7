import type { HttpClient, HttpCommand } from "../../../../../dist/http.js";
import type { DeviceOptions } from "../../../../../dist/index.js";

export interface Outcome {
  error?: { name: string; code: string; message: string; returnCode?: number };
  command?: HttpCommand;
}

export interface Functions {
  publish(given: [event: string, format: string, data: unknown]): Promise<Outcome>;
  request(given: [command: string, waitTimeSecs: number]): Promise<Outcome>;
  close(): void;
}

export function startHttp(
  client: new (options: DeviceOptions, ports: never) => HttpClient,
  options: DeviceOptions,
  ports?: unknown,
): Functions;
