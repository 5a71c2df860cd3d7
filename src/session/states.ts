// The life of a connection as data: which state follows which event. Pure; whoever asks does what the new state needs.

/** connect() was not called, disconnect() has finished, or the server refused for good. */
export const IDLE = 0;
/** The transport is being opened. */
export const OPENING = 1;
/** CONNECT is sent, CONNACK awaited. */
export const GREETING = 2;
export const CONNECTED = 3;
/** disconnect() was called: what is in flight may still finish. */
export const LEAVING = 4;
/** Lost, or not reached; the next attempt is scheduled. */
export const WAITING = 5;

/** connect() was called. */
export const CONNECT = 0;
/** The transport is up. */
export const OPENED = 1;
/** CONNACK 0. */
export const ACCEPTED = 2;
/** CONNACK with a code that will not change by itself (1, 2, 4, 5), or an endpoint that can never work. */
export const REFUSED = 3;
/** The transport ended, a deadline passed, the server broke the protocol, or CONNACK 3. */
export const LOST = 4;
/** The back-off delay is over. */
export const RETRY = 5;
/** disconnect() was called. */
export const DISCONNECT = 6;
/** Nothing is in flight any more, or disconnect() has waited long enough. */
export const LEFT = 7;

export type State = 0 | 1 | 2 | 3 | 4 | 5;
export type Event = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

export const STATE_NAMES: readonly string[] = Object.freeze([
  "idle",
  "opening",
  "greeting",
  "connected",
  "leaving",
  "waiting",
]);
export const EVENT_NAMES: readonly string[] = Object.freeze([
  "connect",
  "opened",
  "accepted",
  "refused",
  "lost",
  "retry",
  "disconnect",
  "left",
]);

// A row a state, a column an event. An event that means nothing in a state leaves it as it is: a transport that was
// closed may have had its last word under way. Calling connect() while leaving takes the disconnect() back.
const NEXT: readonly (readonly State[])[] = Object.freeze([
  // connect      opened        accepted       refused        lost           retry          disconnect     left
  Object.freeze([OPENING, IDLE, IDLE, IDLE, IDLE, IDLE, IDLE, IDLE] as State[]),
  Object.freeze([OPENING, GREETING, OPENING, IDLE, WAITING, OPENING, IDLE, OPENING] as State[]),
  Object.freeze([GREETING, GREETING, CONNECTED, IDLE, WAITING, GREETING, IDLE, GREETING] as State[]),
  Object.freeze([CONNECTED, CONNECTED, CONNECTED, CONNECTED, WAITING, CONNECTED, LEAVING, CONNECTED] as State[]),
  Object.freeze([CONNECTED, LEAVING, LEAVING, LEAVING, IDLE, LEAVING, LEAVING, IDLE] as State[]),
  Object.freeze([OPENING, WAITING, WAITING, WAITING, WAITING, OPENING, IDLE, WAITING] as State[]),
]);

export function next(state: State, event: Event): State {
  return NEXT[state]![event]!;
}
