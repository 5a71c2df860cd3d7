// States of a connection and the events that lead from one to the next, as a table. Pure data: the caller does what the
// new state needs. Values of states and events do not overlap, so that the compiler tells them apart.

import { frozen } from "../frozen.ts";

/** Before connect(), after disconnect(), or after a refusal that will not change by itself. */
export const IDLE = 0;
/** The transport is being opened. */
export const OPENING = 1;
/** CONNECT is sent. */
export const AWAITING_CONNACK = 2;
export const CONNECTED = 3;
/** disconnect() was called; messages in flight may still be acknowledged. */
export const DISCONNECTING = 4;
/** The connection was lost or could not be made; the next attempt is scheduled. */
export const RECONNECT_WAIT = 5;

/** connect() was called. */
export const CONNECT = 10;
/** The transport is open. */
export const OPENED = 11;
/** CONNACK with return code 0. */
export const ACCEPTED = 12;
/** CONNACK with a return code that will not change by itself (1, 2, 4, 5), or an endpoint that can never work. */
export const REFUSED = 13;
/** The transport closed, a deadline passed, the server broke the protocol, or CONNACK with return code 3. */
export const LOST = 14;
/** The back-off delay is over. */
export const RETRY = 15;
/** disconnect() was called. */
export const DISCONNECT = 16;
/** Nothing is in flight any more, or disconnect() has waited long enough. */
export const FINISHED = 17;

export type State = 0 | 1 | 2 | 3 | 4 | 5;
export type Event = 10 | 11 | 12 | 13 | 14 | 15 | 16 | 17;

export const STATE_NAMES: readonly string[] = frozen(
  "idle",
  "opening",
  "awaiting-connack",
  "connected",
  "disconnecting",
  "reconnect-wait",
);

const WAIT = RECONNECT_WAIT;

// One row per state, one column per event. An event that a state does not expect leaves the state as it is. connect() while
// disconnecting cancels the disconnect(); connect() in RECONNECT_WAIT only moves the deadline.
const NEXT: readonly (readonly State[])[] = frozen(
  // Columns: CONNECT, OPENED, ACCEPTED, REFUSED, LOST, RETRY, DISCONNECT, FINISHED.
  // IDLE
  frozen(OPENING, IDLE, IDLE, IDLE, IDLE, IDLE, IDLE, IDLE),
  // OPENING
  frozen(OPENING, AWAITING_CONNACK, OPENING, IDLE, WAIT, OPENING, IDLE, OPENING),
  // AWAITING_CONNACK
  frozen(AWAITING_CONNACK, AWAITING_CONNACK, CONNECTED, IDLE, WAIT, AWAITING_CONNACK, IDLE, AWAITING_CONNACK),
  // CONNECTED
  frozen(CONNECTED, CONNECTED, CONNECTED, CONNECTED, WAIT, CONNECTED, DISCONNECTING, CONNECTED),
  // DISCONNECTING
  frozen(CONNECTED, DISCONNECTING, DISCONNECTING, DISCONNECTING, IDLE, DISCONNECTING, DISCONNECTING, IDLE),
  // RECONNECT_WAIT
  frozen(WAIT, WAIT, WAIT, WAIT, WAIT, OPENING, IDLE, WAIT),
);

export function nextState(state: State, event: Event): State {
  return NEXT[state]![event - CONNECT]!;
}
