// Types of wire.js, which is plain JavaScript because it runs inside XS as well.

export const COMMAND: Readonly<
  Record<"opened" | "received" | "writable" | "closed" | "due" | "call" | "evaluate" | "load" | "repeat", number>
>;
export const QUERY: Readonly<
  Record<"open" | "write" | "close" | "set" | "clear" | "random" | "trace" | "call" | "settled" | "uncaught", number>
>;
export const COMMAND_HEADER: number;
export const QUERY_HEADER: number;
export const RESULT_VALUE: number;
export const RESULT_ERROR: number;
export const RESULT_LATER: number;
