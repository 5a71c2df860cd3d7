// The package's HTTP entry on Node: HttpClient with Node's own http and https as default port.

import http from "node:http";
import https from "node:https";
import { HttpClient as CoreHttpClient, type HttpAnswer, type HttpPorts, type HttpRequest } from "../../src/http.ts";
import { type DeviceOptions, nodePorts } from "./index.ts";
import { describe, tlsSettings } from "./tls.ts";

export * from "../../src/http.ts";

/** Node's http and https, timers and Math.random. */
export const nodeHttpPorts: HttpPorts = { ...nodePorts, post };

export class HttpClient extends CoreHttpClient {
  constructor(options?: DeviceOptions, ports: HttpPorts = nodeHttpPorts) {
    super(options, ports);
  }
}

type Done = (reason: string | undefined, answer: HttpAnswer | undefined) => void;

function post(request: HttpRequest, done: Done): () => void {
  let told = false;
  const tell: Done = (reason, answer) => {
    if (!told) {
      told = true;
      done(reason, answer);
    }
  };
  const sent = open(request);
  sent.on("error", error => tell(describe(error), undefined));
  sent.on("response", response => read(response, request.limit, tell));
  sent.end(request.body);
  return () => {
    told = true;
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
    // The server closes after each error, and a request at a time is all it takes (protocol sheet 6).
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
