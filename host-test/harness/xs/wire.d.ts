// Types of wire.js, which is plain JavaScript because it runs inside XS as well.

export const COMMAND: Readonly<
  Record<"opened" | "received" | "writable" | "closed" | "due" | "call" | "evaluate" | "load" | "repeat", number>
>;
export const COMMAND_HEADER: 13;
export const QUERY: {
  readonly open: 1;
  readonly write: 2;
  readonly close: 3;
  readonly set: 4;
  readonly clear: 5;
  readonly random: 6;
  readonly trace: 7;
  readonly call: 8;
  readonly settled: 9;
  readonly uncaught: 10;
};
export const QUERY_HEADER: 5;
export const RESULT_VALUE: 0;
export const RESULT_ERROR: 1;
export const RESULT_LATER: 2;
