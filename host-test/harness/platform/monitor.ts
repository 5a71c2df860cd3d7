// Messages on `iot-2/type/<T>/id/<D>/mon` (docs/protocol.md 2.4): connects and disconnects of devices, as JSON in the known
// shape of the hosted service.

import { closeCodeOfRefusal, closeText, connackText } from "./codes.ts";
import type { Cause, Connection } from "./connection.ts";
import type { DeviceIdentity } from "./identity.ts";
import { deviceTopic } from "./topics.ts";

export interface MonitorMessage {
  readonly topic: string;
  readonly payload: string;
  /** True for connect and disconnect. A failed attempt does not change the state of the device. */
  readonly retain: boolean;
}

export function connectMessage(device: DeviceIdentity, connection: Connection): MonitorMessage {
  return message(device, connection, true, { Action: "Connect" });
}

export function disconnectMessage(device: DeviceIdentity, connection: Connection, cause: Cause): MonitorMessage {
  const rest = { CloseCode: cause.code, Reason: closeText(cause.code) };
  return message(device, connection, true, { Action: "Disconnect", ...rest });
}

export function failedConnectMessage(
  device: DeviceIdentity,
  connection: Connection,
  returnCode: number,
): MonitorMessage {
  const rest = { CloseCode: closeCodeOfRefusal(returnCode), Reason: connackText(returnCode) };
  return message(device, connection, false, { Action: "FailedConnect", ...rest });
}

function message(
  device: DeviceIdentity,
  connection: Connection,
  retain: boolean,
  rest: { Action: string },
): MonitorMessage {
  const common = {
    Time: new Date().toISOString(),
    ClientAddr: connection.address,
    ClientID: connection.clientId,
    Protocol: "mqtt-tcp",
    Port: connection.port,
    ConnectTime: connection.since.toISOString(),
  };
  return { topic: deviceTopic(device, "iot-2/mon"), payload: JSON.stringify({ ...common, ...rest }), retain };
}
