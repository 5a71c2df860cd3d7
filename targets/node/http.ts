// The package's HTTP entry on Node: HttpClient with Node's http and https as default ports.

import http from "node:http";
import https from "node:https";
import {
  HttpClient as CoreHttpClient,
  type HttpAnswer,
  type HttpPorts,
  type HttpRequest,
} from "../../src/device/http.ts";
import { type DeviceOptions, nodePorts } from "./index.ts";
import { describe, tlsSettings } from "./tls.ts";
import { blameCallers, fromCaller } from "./usage-errors.ts";

export * from "../../src/device/http.ts";

/** Default ports of HttpClient: Node's http and https, timers and Math.random. */
export const nodeHttpPorts: HttpPorts = { ...nodePorts, post };

export class HttpClient extends CoreHttpClient {
  constructor(options?: DeviceOptions, ports: HttpPorts = nodeHttpPorts) {
    try {
      super(options, ports);
    } catch (error) {
      throw fromCaller(error, HttpClient);
    }
  }
}
blameCallers(HttpClient.prototype, ["publishEvent", "requestCommand", "setMessageEncoderModule"]);

type Done = (reason: string | undefined, answer: HttpAnswer | undefined) => void;

function post(request: HttpRequest, done: Done): () => void {
  let ended = false;
  const end: Done = (reason, answer) => {
    if (!ended) {
      ended = true;
      done(reason, answer);
    }
  };
  const sent = open(request);
  sent.on("error", error => end(describe(error), undefined));
  sent.on("response", response => read(response, request.limit, end));
  sent.end(request.body);
  return () => {
    ended = true;
    sent.destroy();
  };
}

function open({ endpoint, path, headers, body }: HttpRequest): http.ClientRequest {
  const { host, port } = endpoint;
  const options = {
    host,
    port,
    path,
    method: "POST",
    // One connection per request: the server closes it after each error (docs/protocol.md 6).
    agent: false as const,
    headers: { ...headers, "content-length": body.length },
  };
  return endpoint.tls ? https.request({ ...options, ...tlsSettings(endpoint) }) : http.request(options);
}

function read(response: http.IncomingMessage, limit: number, done: Done): void {
  const chunks: Buffer[] = [];
  let length = 0;
  const answered = () => {
    const { statusCode, headers } = response;
    done(undefined, {
      status: statusCode!,
      contentType: headers["content-type"] ?? "",
      // Node reads headers as Latin-1; ids are UTF-8.
      commandId: Buffer.from(String(headers["x-commandid"] ?? ""), "latin1").toString(),
      body: Buffer.concat(chunks),
    });
  };
  response.on("data", chunk => {
    chunks.push(chunk);
    length += chunk.length;
    if (length <= limit) return;
    answered();
    response.destroy();
  });
  response.on("end", answered);
  response.on("error", error => done(describe(error), undefined));
}
