// What servers and files can do wrong, as data: each case runs on Node and in XS. For each: which updateStatus the device
// tells, why, what it asked the server for, and that the running firmware stays what it was.

import type { UpdateOptions } from "../../../targets/moddable/update/installer.ts";
import { type Build, type Engine, TestBoard } from "./board.ts";
import { type Fault, FileServer } from "./server.ts";

export interface Case {
  name: string;
  /** The file that the server has. */
  file: Uint8Array;
  /** See FileServer. */
  faults?: (Fault | undefined)[];
  always?: Fault;
  ranges?: boolean;
  etag?: string;
  options?: Partial<UpdateOptions>;
  /** Whether a request has the header `if-range`; absent: either. */
  ifRange?: boolean;
  uri?: string;
  verifier?: string;
  /** updateStatus; -1: download() throws, which the client counts as 6. */
  status: number;
  message?: string;
  /** First byte of each request; for many of them, how many there were. */
  asked: number[] | number;
}

export interface Outcome {
  status: number;
  message: string;
  asked: number[];
  /** Bytes that a server without an end could send. */
  flood: number;
  /** Each request: its headers, to see that it carries no token. */
  headers: string[];
  paths: string[];
  /** The running firmware after it, and after an update if the download succeeded. */
  version: string;
}

export function runCase(engine: Engine, key: Uint8Array, old: Build, next: Build, one: Case): Outcome {
  const server = new FileServer(one.file);
  server.faults = one.faults ?? [];
  server.always = one.always;
  server.ranges = one.ranges ?? true;
  server.etag = one.etag ?? server.etag;
  const board = new TestBoard(engine, { key, attempts: 5, ...one.options }, [old, next], server);
  board.hardware.install(0, old.image);
  board.start();
  let status = -1;
  let message = "";
  try {
    board.download({
      ...(one.uri === undefined ? {} : { uri: one.uri }),
      ...(one.verifier === undefined ? {} : { verifier: one.verifier }),
    });
    status = board.status!;
    message = board.heard.at(-1)!;
  } catch (error) {
    message = (error as Error).message;
  }
  if (status === 0) {
    board.update();
    board.start();
    board.confirm();
    board.told();
  } else {
    // Whatever failed: the board starts what it started before, and says nothing more of it.
    board.hardware.off();
    board.start();
    if (board.installer.previousStart.state !== 0 || board.installer.previousStart.finished)
      throw new Error("something was left");
  }
  const { requests, flood } = server;
  return {
    status,
    message,
    asked: requests.map(({ from }) => from),
    flood,
    headers: requests.map(({ headers }) => Object.keys(headers).sort().join(" ")),
    paths: requests.map(({ path }) => path),
    version: board.version,
  };
}
