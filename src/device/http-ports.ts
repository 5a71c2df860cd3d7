// What HttpClient needs from its engine, one POST at a time, and the types of its formats. Types only.

import type { Clock, Endpoint } from "../ports.ts";
import type { Formats } from "./codec/codec.ts";
import type { CommandOf } from "./command.ts";

/** One POST request. */
export interface HttpRequest {
  endpoint: Endpoint;
  /** Begins with "/"; percent-encoded. */
  path: string;
  /** Names are lower-case. The port adds host and content-length. */
  headers: Record<string, string>;
  /** Does not change until the request has ended. Never empty. */
  body: Uint8Array;
  /** Largest body of an answer that is wanted, bytes. The port may stop reading when there are more. */
  limit: number;
}

/** The answer to a request. */
export interface HttpAnswer {
  /** 100..599. */
  status: number;
  /** Header content-type as received, "" if absent. */
  contentType: string;
  /** Header x-commandid, "" if absent. */
  commandId: string;
  /** Valid until `done` returns. */
  body: Uint8Array;
}

/** Everything that HttpClient needs from its engine. Several clients may share ports. */
export interface HttpPorts {
  /**
   * Sends a request over a new connection. Calls `done` once, never from inside `post`: with the answer, or with a reason
   * for people why there is none. Returns a function that cancels the request, after which `done` is not called.
   * @throws ConfigurationException if the endpoint can never work, for example because of a broken certificate
   */
  post(request: HttpRequest, done: (reason: string | undefined, answer: HttpAnswer | undefined) => void): () => void;
  clock: Clock;
  random(): number;
  /** See {@link Ports.serial}. */
  serial?: string;
}

/**
 * Formats over HTTP. The server names formats by content type: "text" and "xml" are sent by the codec of "utf8", "bin" by
 * that of "raw", unless the application registers its own.
 */
export interface HttpFormats extends Formats {
  text: string;
  xml: string;
  bin: Uint8Array;
}

/** Name of a format: a declared one, or any other; see {@link HttpClient.publishEvent}. */
export type HttpFormat = keyof HttpFormats | (string & {});

/** Type of the data of a format; `unknown` if the format is not declared. */
export type HttpFormatData<F extends HttpFormat> = F extends keyof HttpFormats ? HttpFormats[F] : unknown;

/** A command that arrived over HTTP. Comparing `format` narrows the type of `data`; see Command. */
export type HttpCommand<F extends keyof HttpFormats = keyof HttpFormats> = CommandOf<HttpFormats, F>;
