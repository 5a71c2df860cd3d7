// How a message of QoS 1 or 2 gets from PUBLISH to its last acknowledgement, as tables: one row per state, one column per
// event, each cell the action. The comments say which lost packet makes an unusual cell necessary. Values of states,
// events and actions do not overlap, so that the compiler tells them apart.

import { frozen } from "../../frozen.ts";

// States of an outgoing message.

/** Not in flight: not sent yet, already confirmed, or unknown to this session. */
export const NOT_IN_FLIGHT = 0;
/** QoS 1: PUBLISH sent. */
export const AWAITING_PUBACK = 1;
/** QoS 2: PUBLISH sent. */
export const AWAITING_PUBREC = 2;
/** QoS 2: PUBREC received, PUBREL sent. */
export const AWAITING_PUBCOMP = 3;

// Events: an acknowledgement, or CONNACK on a new connection.

export const PUBACK = 10;
export const PUBREC = 11;
export const PUBCOMP = 12;
/** New connection, and the server kept the session. */
export const SESSION_PRESENT = 13;
/** New connection, and the server has no session for this client. */
export const SESSION_LOST = 14;

// Actions.

export const IGNORE = 20;
/** The message is confirmed: remove it and tell the application. */
export const COMPLETE = 21;
/** Send PUBREL, now and on each new connection until PUBCOMP; PUBLISH is never sent again [MQTT-4.3.3-1]. */
export const SEND_PUBREL = 22;
/** Send PUBREL although the message is unknown. */
export const PUBREL_FOR_UNKNOWN = 23;
/** Send PUBLISH again with DUP and the same packet identifier [MQTT-4.4.0-1]. */
export const RESEND_DUP = 24;
/** Send PUBLISH again as a first attempt, without DUP; forget a PUBREC received earlier. */
export const RESEND_NEW = 25;
/** The server broke the standard: end the connection. */
export const PROTOCOL_ERROR = 26;
/** The message is confirmed, but only as at QoS 1: as COMPLETE, and report it once. */
export const COMPLETE_AS_QOS_1 = 27;

export type PublishState = 0 | 1 | 2 | 3;
export type AckEvent = 10 | 11 | 12;
export type ConnackEvent = 13 | 14;
export type Action = 20 | 21 | 22 | 23 | 24 | 25 | 26 | 27;

/** State of a message of QoS 1 or 2 whose PUBLISH is sent. */
export function statePublished(qos: number): PublishState {
  return qos === 1 ? AWAITING_PUBACK : AWAITING_PUBREC;
}

const OUTGOING: readonly (readonly Action[])[] = frozen(
  // Columns: PUBACK, PUBREC, PUBCOMP, SESSION_PRESENT, SESSION_LOST.
  // NOT_IN_FLIGHT. PUBACK and PUBCOMP: the message was sent before a restart of the device, or before disconnect() dropped it.
  // PUBREC: the same, and without PUBREL the server would keep the packet identifier in use for ever.
  frozen(IGNORE, PUBREL_FOR_UNKNOWN, IGNORE, IGNORE, IGNORE),
  // AWAITING_PUBACK. Session present: PUBLISH or its PUBACK was lost; the client cannot know which, so the message may
  // arrive twice. Session lost: the server may have lost the message with its session.
  frozen(COMPLETE, PROTOCOL_ERROR, PROTOCOL_ERROR, RESEND_DUP, RESEND_NEW),
  // AWAITING_PUBREC. PUBACK: some servers (RabbitMQ 3) know no QoS 2 and acknowledge it as QoS 1. Session present: PUBLISH
  // or its PUBREC was lost; the server recognizes the packet identifier.
  frozen(COMPLETE_AS_QOS_1, SEND_PUBREL, PROTOCOL_ERROR, RESEND_DUP, RESEND_NEW),
  // AWAITING_PUBCOMP. PUBREC again: the server has not received PUBREL. Session present: PUBREL or its PUBCOMP was lost.
  // Session lost: the PUBREC belonged to the lost session; the message may arrive twice, but must not be lost.
  frozen(PROTOCOL_ERROR, SEND_PUBREL, COMPLETE, SEND_PUBREL, RESEND_NEW),
);

/** What to do with an outgoing message in `state`. */
export function outgoingAction(state: PublishState, event: AckEvent | ConnackEvent): Action {
  return OUTGOING[state]![event - PUBACK]!;
}
