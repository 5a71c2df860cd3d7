// The numbers both sides of the XS host write on the wire: host.ts on Node, runtime.js inside XS. Integers are
// little-endian. A result is a byte RESULT_… followed by JSON (nothing: undefined) or the text of an error.

/** Commands, host to XS: op u8, host time f64 (ms, monotonic), id u32, data. */
export const COMMAND = {
  opened: 1, //   id of a connection; room u32
  received: 2, // id of a connection; bytes
  writable: 3, // id of a connection; room u32
  closed: 4, //   id of a connection; reason, UTF-8; nothing if closed in order
  due: 5, //      id of a deadline
  call: 6, //     id of a call; JSON [name, argument]; answered with a result
  evaluate: 7, // id of a call; source; answered with a result
  load: 8, //     id of a call; path of a module; answered with a result
  repeat: 9, //   id of a call; JSON [name, count]; answered with a result
};
export const COMMAND_HEADER = 13;

/** Queries, XS to host, answered at once: op u8, id u32, data. */
export const QUERY = {
  open: 1, //    id of a connection; JSON of an Endpoint; answered with a result
  write: 2, //   id of a connection; bytes; answered with the room left, u32
  close: 3, //   id of a connection
  set: 4, //     id of a deadline; id of the one it replaces or 0, u32; delay in ms, u32
  clear: 5, //   id of a deadline
  random: 6, //  answered with f64
  trace: 7, //   UTF-8
  call: 8, //    JSON [name, argument]; answered with a result
  settled: 9, // id of a call that was answered RESULT_LATER; a result
  uncaught: 10, // UTF-8
};
export const QUERY_HEADER = 5;

export const RESULT_VALUE = 0;
export const RESULT_ERROR = 1;
export const RESULT_LATER = 2;
