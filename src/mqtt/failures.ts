// Why a connection was refused, lost or could not be made, as errors for the application.

import { ConnectionException } from "../errors.ts";
import { frozen } from "../frozen.ts";
import type { Endpoint } from "../ports.ts";
import { decodeUtf8 } from "../utf8.ts";
import type { HostSelection } from "./hosts.ts";

const CONNACK_CODES: readonly string[] = frozen(
  "accepted",
  "unacceptable protocol version",
  "identifier rejected",
  "server unavailable",
  "bad user name or password",
  "not authorized",
);

/** CONNACK return code that may change by itself (MQTT 3.1.1, 3.2.2.3). */
export const SERVER_UNAVAILABLE = 3;

/** CONNACK with a return code other than 0 (MQTT 3.1.1, 3.2.2.3). */
export function refused(code: number, hosts: HostSelection): ConnectionException {
  const meaning = CONNACK_CODES[code] ?? "reserved code";
  return new ConnectionException(`refused${by(hosts)} with CONNACK code ${code}: ${meaning}`, "refused", code);
}

/** The transport did not open. `reason`: what the engine says, may be empty. */
export function unreachable(endpoint: Endpoint, reason: string | undefined): ConnectionException {
  return new ConnectionException(`cannot reach ${where(endpoint)}${because(reason)}`, "unreachable");
}

/** The transport closed. */
export function closed(endpoint: Endpoint, reason: string | undefined, beforeConnack: boolean): ConnectionException {
  const when = beforeConnack ? " before CONNACK" : "";
  return new ConnectionException(`${where(endpoint)} closed the connection${when}${because(reason)}`, "closed");
}

/** The server did not answer in time. */
export function timeout(doing: string, endpoint: Endpoint): ConnectionException {
  return new ConnectionException(`timed out ${doing} ${endpoint.host}`, "timeout");
}

/** The server broke MQTT 3.1.1. */
export function protocolError(reason: string, hosts: HostSelection): ConnectionException {
  return new ConnectionException(`protocol error${by(hosts)}: ${reason}`, "protocol");
}

/** The server closes each connection soon after CONNACK. */
export function takeover(losses: number, clientId: string, last: ConnectionException): ConnectionException {
  return new ConnectionException(
    `lost ${losses} times soon after connecting; another client may be using client id ${clientId} (${last.message})`,
    "takeover",
  );
}

/** publish() returned false. `active`: the client is connected or will reconnect. */
export function rejected(active: boolean): ConnectionException {
  const reason = active ? "outbox full, or store full or unreadable" : "call connect() again";
  return new ConnectionException(`message not accepted: ${reason}`, active ? "limit" : "not-connected");
}

/** The server closed `closings` connections in a row while this message was the oldest unconfirmed one. */
export function undeliverable(topic: Uint8Array, id: number, closings: number): ConnectionException {
  return new ConnectionException(
    `the server may refuse message ${id} on ${decodeUtf8(topic)}: it closed ${closings} connections before confirming it`,
    "undeliverable",
  );
}

export function qos2AsQos1(): ConnectionException {
  return new ConnectionException("the server answers QoS 2 with PUBACK: messages may arrive twice", "protocol");
}

function where({ host, port }: Endpoint): string {
  return `${host}:${port}`;
}

/** Names the host if there are several. */
function by({ endpoint, otherHosts }: HostSelection): string {
  return otherHosts ? ` by ${where(endpoint)}` : "";
}

function because(reason: string | undefined): string {
  return reason ? `: ${reason}` : "";
}
