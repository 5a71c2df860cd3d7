// CONNACK codes and close codes (docs/protocol.md 1.6, 1.7). MQTT 3.1.1 does not send close codes to a client: they appear
// in `…/mon` messages and in the events of this platform.

export const CONNACK = {
  accepted: 0,
  unknownLevel: 1,
  badClientId: 2,
  unavailable: 3,
  notAuthorized: 5,
} as const;

export const CLOSE = {
  normal: 0,
  closedByClient: 91,
  closedByServer: 92,
  shuttingDown: 93,
  administrator: 94,
  badClientData: 105,
  timedOut: 160,
  noFirstPacket: 164,
  firstPacketTooBig: 165,
  badClientId: 166,
  serverNotAvailable: 167,
  notAuthorized: 180,
  badLength: 271,
  badTopic: 276,
  messageTooLarge: 287,
  clientIdReused: 288,
} as const;

const CLOSE_TEXT: Readonly<Record<number, string>> = {
  [CLOSE.normal]: "The connection has completed normally.",
  [CLOSE.closedByClient]: "The client closed the connection without DISCONNECT.",
  [CLOSE.closedByServer]: "The server closed the connection.",
  [CLOSE.shuttingDown]: "The server is shutting down.",
  [CLOSE.administrator]: "An administrator closed the connection.",
  [CLOSE.badClientData]: "The client sent invalid data.",
  [CLOSE.timedOut]: "Nothing came within one and a half keep-alive intervals.",
  [CLOSE.noFirstPacket]: "The first packet did not come in time.",
  [CLOSE.firstPacketTooBig]: "The first packet is too big.",
  [CLOSE.badClientId]: "The client id is not valid.",
  [CLOSE.serverNotAvailable]: "The server is not available.",
  [CLOSE.notAuthorized]: "The client is not authorized.",
  [CLOSE.badLength]: "The length of a packet is not valid.",
  [CLOSE.badTopic]: "The topic is not allowed.",
  [CLOSE.messageTooLarge]: "The message is too large.",
  [CLOSE.clientIdReused]: "The client id was used by another connection.",
};

export function closeText(code: number): string {
  return CLOSE_TEXT[code] ?? `Close code ${code}.`;
}

const CONNACK_TEXT: Readonly<Record<number, string>> = {
  [CONNACK.accepted]: "accepted",
  [CONNACK.unknownLevel]: "protocol level unknown",
  [CONNACK.badClientId]: "client id not valid",
  [CONNACK.unavailable]: "server not available",
  [CONNACK.notAuthorized]: "not authorized",
};

export function connackText(returnCode: number): string {
  return CONNACK_TEXT[returnCode] ?? `code ${returnCode}`;
}

const CLOSE_FOR_REFUSAL: Readonly<Record<number, number>> = {
  [CONNACK.unknownLevel]: CLOSE.badClientData,
  [CONNACK.badClientId]: CLOSE.badClientId,
  [CONNACK.unavailable]: CLOSE.serverNotAvailable,
  [CONNACK.notAuthorized]: CLOSE.notAuthorized,
};

/** The close code a `FailedConnect` message carries for a refused CONNECT. */
export function closeCodeOfRefusal(returnCode: number): number {
  return CLOSE_FOR_REFUSAL[returnCode] ?? CLOSE.closedByServer;
}
