// The life of one message of QoS 1 or 2 as data: what is done at each step, and which lost packet leads to the odd ones.
// The session looks it up, with every acknowledgement, and does it. A row is where a message is, a column what happens.

// Where an outgoing message is.

/** Not in flight: not sent yet, or confirmed, or of an earlier life. */
export const QUEUED = 0;
/** QoS 1: PUBLISH sent, PUBACK awaited. Its number is the QoS. */
export const SENT_1 = 1;
/** QoS 2: PUBLISH sent, PUBREC awaited. Its number is the QoS. */
export const SENT_2 = 2;
/** QoS 2: PUBREC came; PUBREL sent, PUBCOMP awaited. */
export const RELEASED = 3;

// What happens to it.

export const PUBACK = 0;
export const PUBREC = 1;
export const PUBCOMP = 2;
/** A new connection, and the server has kept the session. */
export const RESUMED = 3;
/** A new connection, and the server knows nothing. */
export const RENEWED = 4;

// What to do then.

export const IGNORE = 0;
/** Confirmed: the message is gone, its caller is told. */
export const FINISH = 1;
/** From now on PUBREL is sent, never PUBLISH [MQTT-4.3.3-1]: now, and on each connection until PUBCOMP. */
export const RELEASE = 2;
/** PUBREL, though there is no message. */
export const ANSWER = 3;
/** PUBLISH again, with DUP and its packet id [MQTT-4.4.0-1]. */
export const REPEAT = 4;
/** PUBLISH again as if for the first time, without DUP; what came of it before is forgotten. */
export const RESTART = 5;
/** The server broke the standard. */
export const REFUSE = 6;

export type Flow = 0 | 1 | 2 | 3;
export type Happening = 0 | 1 | 2 | 3 | 4;
export type Act = 0 | 1 | 2 | 3 | 4 | 5 | 6;

export const OUTGOING: readonly (readonly Act[])[] = Object.freeze([
  //             PUBACK   PUBREC   PUBCOMP  resumed  renewed
  // PUBACK and PUBCOMP: a life of this device ago, or before disconnect() dropped it, it was sent. PUBREC: likewise, and
  // the server waits for PUBREL; without it, it would hold the packet id for ever.
  Object.freeze([IGNORE, ANSWER, IGNORE, IGNORE, IGNORE] as Act[]),
  // Resumed: PUBLISH was lost, or its PUBACK; which of them cannot be known, so that the message may come twice. Renewed:
  // the server lost its session, and perhaps the message with it.
  Object.freeze([FINISH, REFUSE, REFUSE, REPEAT, RESTART] as Act[]),
  // Resumed: PUBLISH was lost, or its PUBREC; by its packet id the server knows it if it has seen it.
  Object.freeze([REFUSE, RELEASE, REFUSE, REPEAT, RESTART] as Act[]),
  // PUBREC: a server that says it again has not seen PUBREL. Resumed: PUBREL was lost, or its PUBCOMP. Renewed: the PUBREC
  // was of a session that is gone, the message perhaps with it: it may come twice, but must not be lost.
  Object.freeze([REFUSE, RELEASE, FINISH, RELEASE, RESTART] as Act[]),
]);

// Where an incoming message of QoS 2 is; those of QoS 0 and 1 have no life behind their callback. When the server has
// lost its session, none is held any more.

/** PUBREL came, or the message never did. */
export const FRESH = 0;
/** Delivered, and not released. */
export const HELD = 1;

export const PUBLISH = 0;
export const PUBREL = 1;

/** Tell the application, then PUBREC. */
export const DELIVER = 0;
/** PUBREC again, and tell nobody [MQTT-4.3.3-2]. */
export const RECORD = 1;
/** PUBCOMP, and the packet id is free for another message. */
export const COMPLETE = 2;

export const INCOMING: readonly (readonly (0 | 1 | 2)[])[] = Object.freeze([
  //             PUBLISH  PUBREL
  // PUBREL: our PUBCOMP was lost with the last connection.
  Object.freeze([DELIVER, COMPLETE] as (0 | 1 | 2)[]),
  // PUBLISH: our PUBREC was lost with the last connection.
  Object.freeze([RECORD, COMPLETE] as (0 | 1 | 2)[]),
]);
