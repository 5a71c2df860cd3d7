// What do applications read on `iot-2/type/<T>/id/<D>/mon` (§2.4)? Connects and disconnects of devices, as JSON in the
// shape of the hosted service as far as it is known.

import type { DeviceIdentity } from "./identity.ts";
import type { Cause, Link } from "./link.ts";
import { closeCodeOfRefusal, closeText, connackText } from "./reasons.ts";
import { deviceTopic } from "./topics.ts";

export interface MonitorMessage {
  readonly topic: string;
  readonly payload: string;
  /** The last connect or disconnect stays readable; a failed attempt says nothing about the device's state. */
  readonly retain: boolean;
}

export function connectMessage(device: DeviceIdentity, link: Link): MonitorMessage {
  return message(device, link, true, { Action: "Connect" });
}

export function disconnectMessage(device: DeviceIdentity, link: Link, cause: Cause): MonitorMessage {
  const rest = { CloseCode: cause.code, Reason: closeText(cause.code) };
  return message(device, link, true, { Action: "Disconnect", ...rest });
}

export function failedConnectMessage(device: DeviceIdentity, link: Link, returnCode: number): MonitorMessage {
  const rest = { CloseCode: closeCodeOfRefusal(returnCode), Reason: connackText(returnCode) };
  return message(device, link, false, { Action: "FailedConnect", ...rest });
}

function message(device: DeviceIdentity, link: Link, retain: boolean, rest: { Action: string }): MonitorMessage {
  const common = {
    Time: new Date().toISOString(),
    ClientAddr: link.address,
    ClientID: link.clientId,
    Protocol: "mqtt-tcp",
    Port: link.port,
    ConnectTime: link.since.toISOString(),
  };
  return { topic: deviceTopic(device, "iot-2/mon"), payload: JSON.stringify({ ...common, ...rest }), retain };
}
