// HttpClient on a port of fakes: what it asks for, what it makes of each answer, and how long it waits (docs/protocol.md
// 6).

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type HttpAnswer,
  HttpClient,
  type HttpCommand,
  type HttpPorts,
  type HttpRequest,
} from "../../../../dist/http.js";
import { ConnectionException, type DeviceOptions, InvalidEventException } from "../../../../dist/index.js";
import { FakeClock, START_DATE } from "../../../harness/testing/clock.ts";
import { DEVICE } from "../../support/device.ts";
import { TOKEN } from "../../support/identity.ts";

interface Sent extends HttpRequest {
  answer(answer: Partial<HttpAnswer>): void;
  fail(reason: string): void;
  aborted: boolean;
}

class FakeHttp implements HttpPorts {
  readonly clock = new FakeClock();
  readonly sent: Sent[] = [];
  random = () => 0.5;

  post(request: HttpRequest, done: (reason: string | undefined, answer: HttpAnswer | undefined) => void): () => void {
    const sent: Sent = {
      ...request,
      aborted: false,
      answer: answer =>
        done(undefined, { status: 200, contentType: "", commandId: "", body: new Uint8Array(0), ...answer }),
      fail: reason => done(reason, undefined),
    };
    this.sent.push(sent);
    return () => {
      sent.aborted = true;
    };
  }

  get last(): Sent {
    return this.sent.at(-1)!;
  }
}

/** A client, and requests of it: `told` has the errors of their callbacks, undefined where there was none. */
function stage(options: DeviceOptions = {}) {
  const http = new FakeHttp();
  const client = new HttpClient({ ...DEVICE, ...options }, http);
  const told: (ConnectionException | undefined)[] = [];
  const done = (error: Error | undefined) => void told.push(error as ConnectionException | undefined);
  return {
    http,
    client,
    told,
    publish: () => client.publishEvent("e", "json", 1, done),
    request: (waitTimeSecs = 0) => client.requestCommand("+", waitTimeSecs, done),
  };
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

test("limits are checked as those of DeviceClient are", () => {
  assert.throws(() => stage({ limits: { frameBytes: "abc" as never } }), { name: "ConfigurationException" });
  assert.throws(() => stage({ limits: { values: -1 } }), { name: "ConfigurationException" });
});

test("an event is a POST with Basic authentication (docs/protocol.md 6)", () => {
  const { http, client } = stage();
  client.publishEvent("status", "json", { cpu: 60 });
  const { endpoint, path, headers, body } = http.last;
  assert.deepEqual(endpoint, { host: "broker.test", port: 1883 });
  assert.equal(path, "/api/v0002/device/types/thermo/devices/t-01/events/status");
  assert.equal(text(body), '{"cpu":60}');
  assert.deepEqual(headers, {
    "content-type": "application/json",
    authorization: `Basic ${Buffer.from(`use-token-auth:${TOKEN}`).toString("base64")}`,
  });
});

for (const token of ["a", "ab", "abc", "토큰", "MP$08VKz!8rXwnR-Q*"]) {
  test(`the token ${token} in base64`, () => {
    const { http, publish } = stage({ "auth-token": token });
    publish();
    assert.equal(http.last.headers.authorization, `Basic ${Buffer.from(`use-token-auth:${token}`).toString("base64")}`);
  });
}

test("without a host it is the messaging host, with TLS", () => {
  const { host: _, tls: __, ...rest } = DEVICE;
  const http = new FakeHttp();
  new HttpClient(rest, http).publishEvent("e", "json", 1);
  assert.deepEqual(http.last.endpoint, {
    host: "abc123.messaging.internetofthings.ibmcloud.com",
    port: 8883,
    tls: {},
  });
});

test("several hosts: one for each request, the next one after a request without an answer", () => {
  const { http, publish } = stage({ host: ["a.test", "b.test"] });
  const post = (): string => {
    publish();
    return String(http.last.endpoint.host);
  };
  assert.equal(post(), "a.test");
  http.last.answer({ status: 500 });
  assert.equal(post(), "a.test", "an answer, though an error");
  http.last.fail("ECONNREFUSED");
  assert.equal(post(), "b.test");
  http.clock.advance(30_000);
  assert.equal(post(), "a.test", "after a time-out");
  post();
  const [first, second] = http.sent.slice(-2);
  for (const one of [first!, second!]) one.fail("ECONNRESET");
  assert.equal(post(), "b.test", "two requests that fail together count once");
});

// docs/protocol.md 4.3.
const TYPES: [string, unknown, string, string][] = [
  ["json", "x", "application/json", '"x"'],
  ["json-iotf", {}, "application/json", '{"d":{},"ts":"'],
  ["text", "é", "text/plain; charset=utf-8", "é"],
  ["utf8", "é", "text/plain; charset=utf-8", "é"],
  ["xml", "<a/>", "application/xml", "<a/>"],
  ["bin", Uint8Array.of(65), "application/octet-stream", "A"],
  ["raw", Uint8Array.of(65), "application/octet-stream", "A"],
];

for (const [format, data, contentType, body] of TYPES) {
  test(`format ${format} is ${contentType}`, () => {
    const { http, client } = stage();
    client.publishEvent("e", format, data);
    assert.equal(http.last.headers["content-type"], contentType);
    assert.ok(text(http.last.body).startsWith(body));
  });
}

test("ids are percent-encoded", () => {
  const { http, client } = stage();
  client.publishEvent("온 도?", "json", 1);
  assert.ok(http.last.path.endsWith(`/events/${encodeURIComponent("온 도?")}`));
  client.requestCommand("a b", 0, () => {});
  assert.ok(http.last.path.endsWith("/commands/a%20b/request"));
});

const REFUSED: [string, (client: HttpClient) => void, object][] = [
  ["an event id with a slash", c => c.publishEvent("a/b", "json", 1), { name: "InvalidEventException" }],
  [
    "an event id that is two dots",
    c => c.publishEvent("..", "json", 1),
    { message: /^Invalid Event: event id "\.\." cannot/ },
  ],
  ["an event id that is a dot", c => c.publishEvent(".", "json", 1), { name: "InvalidEventException" }],
  ["a command id that is two dots", c => c.requestCommand("..", 0, assert.fail), { name: "InvalidEventException" }],
  ["a format without a codec", c => c.publishEvent("a", "csv", 1), { name: "MissingMessageEncoderException" }],
  [
    "a format without a content type",
    c => {
      c.setMessageEncoderModule("csv", { encode: () => "1", decode: () => ({ data: 1 }) });
      c.publishEvent("a", "csv", 1);
    },
    { name: "InvalidEventException", message: "Invalid Event: format csv has no content type in HTTP" },
  ],
  ["no payload", c => c.publishEvent("a", "text", ""), { name: "InvalidEventException", message: /without payload/ }],
  ["131073 bytes", c => c.publishEvent("a", "bin", new Uint8Array(131073)), { message: /131073 bytes, limit 131072/ }],
  ["a wildcard within a command id", c => c.requestCommand("a+", 0, assert.fail), { name: "InvalidEventException" }],
  ["a wait below 0", c => c.requestCommand("+", -1, assert.fail), { message: /0\.\.3600, not -1/ }],
  ["a wait above an hour", c => c.requestCommand("+", 3601, assert.fail), { message: /0\.\.3600, not 3601/ }],
  ["half a second", c => c.requestCommand("+", 0.5, assert.fail), { name: "InvalidEventException" }],
  ["NaN seconds", c => c.requestCommand("+", Number.NaN, assert.fail), { name: "InvalidEventException" }],
];

for (const key of ["type", "id"] as const) {
  for (const dots of [".", ".."]) {
    test(`refuses ${key} "${dots}", which a path cannot have`, () => {
      assert.throws(() => stage({ [key]: dots }), {
        name: "ConfigurationException",
        message: `${key} "${dots}" cannot be part of an HTTP path`,
      });
    });
  }
}

for (const [name, act, error] of REFUSED) {
  test(`refuses ${name} before sending`, () => {
    const { http, client } = stage();
    assert.throws(() => act(client), error);
    assert.equal(http.sent.length, 0);
  });
}

test("confirmed: onPublish once, without error", () => {
  const { http, told, publish } = stage();
  publish();
  assert.deepEqual(told, []);
  http.last.answer({ status: 200 });
  http.clock.advance(100_000);
  assert.deepEqual([told, http.last.aborted], [[undefined], false]);
});

// Status to error: what is wrong with the event, and what is wrong with the device or the server.
const STATUS: [number, string, number | undefined][] = [
  [400, "InvalidEventException", undefined],
  [413, "InvalidEventException", undefined],
  [415, "InvalidEventException", undefined],
  [401, "ConnectionException", 401],
  [403, "ConnectionException", 403],
  [404, "ConnectionException", 404],
  [405, "ConnectionException", 405],
  [500, "ConnectionException", 500],
  [503, "ConnectionException", 503],
  [302, "ConnectionException", 302],
  [201, "ConnectionException", 201],
];

for (const [status, name, returnCode] of STATUS) {
  test(`status ${status} is ${name}, for events and for commands`, () => {
    const { http, told, publish, request } = stage();
    publish();
    http.last.answer({ status });
    request();
    http.last.answer({ status });
    assert.equal(told.length, 2);
    for (const error of told as (Error & { code: string; returnCode?: number })[]) {
      assert.deepEqual([error.name, error.returnCode], [name, returnCode]);
      assert.equal(error.code, returnCode ? "refused" : "invalid-event");
      assert.match(error.message, new RegExp(`HTTP status ${status}: \\w+`));
    }
  });
}

test("no connection: unreachable, with host, port and reason", () => {
  const { http, told, publish } = stage();
  publish();
  http.last.fail("ECONNREFUSED");
  const error = told[0];
  assert.ok(error instanceof ConnectionException);
  assert.deepEqual([error.code, error.message], ["unreachable", "cannot reach broker.test:1883: ECONNREFUSED"]);
});

test("no answer: given up after the timeout, 30 s by default; a request for a command waits its wait longer", () => {
  for (const [options, wait, ms] of [
    [{}, undefined, 30_000],
    [{ timeout: 5 }, undefined, 5000],
    [{}, 0, 30_000],
    [{ timeout: 5 }, 3600, 3_605_000],
  ] as [DeviceOptions, number | undefined, number][]) {
    const { http, told, publish, request } = stage(options);
    if (wait === undefined) publish();
    else request(wait);
    http.clock.advance(ms - 1);
    assert.deepEqual(told, []);
    http.clock.advance(1);
    const error = told[0] as ConnectionException;
    assert.deepEqual([error.name, error.code, http.last.aborted], ["ConnectionException", "timeout", true]);
  }
});

test("a request for a command says how long to wait", () => {
  const { http, request } = stage();
  request(60);
  assert.equal(http.last.path, "/api/v0002/device/types/thermo/devices/t-01/commands/+/request");
  assert.deepEqual(
    [text(http.last.body), http.last.headers["content-type"]],
    ['{"waitTimeSecs":60}', "application/json"],
  );
});

const at = new Date(START_DATE);
const ANSWERS: [string, string, Partial<HttpAnswer>, HttpCommand | undefined][] = [
  [
    "any command, named by the answer",
    "+",
    { contentType: "application/json", commandId: "print", body: Buffer.from('{"a":1}') },
    { command: "print", format: "json", data: { a: 1 }, timestamp: at },
  ],
  [
    "the command asked for",
    "print",
    { contentType: "text/plain;charset=utf-8", body: Buffer.from("é") },
    { command: "print", format: "text", data: "é", timestamp: at },
  ],
  [
    "xml, which is text here",
    "print",
    { contentType: "Application/XML", body: Buffer.from("<a/>") },
    { command: "print", format: "xml", data: "<a/>", timestamp: at },
  ],
  [
    "bytes",
    "print",
    { contentType: "application/octet-stream", body: Uint8Array.of(0, 255) },
    { command: "print", format: "bin", data: Uint8Array.of(0, 255), timestamp: at },
  ],
  ["nothing within the wait", "+", { status: 204 }, undefined],
];

for (const [name, asked, answer, command] of ANSWERS) {
  test(`a request brings ${name}`, () => {
    const { http, client } = stage();
    const told: unknown[] = [];
    client.requestCommand(asked, 0, (error, got) => told.push(error, got));
    http.last.answer(answer);
    assert.deepEqual(told, [undefined, command]);
  });
}

const BAD: [string, Partial<HttpAnswer>, object][] = [
  ["without a name", { contentType: "application/json", body: Buffer.from("1") }, { code: "invalid-event" }],
  ["of an unknown type", { contentType: "image/png", commandId: "a" }, { code: "no-decoder", message: /image\/png$/ }],
  ["that is not JSON", { contentType: "application/json", commandId: "a" }, { code: "invalid-event" }],
  [
    "above limits.frameBytes",
    { contentType: "application/octet-stream", commandId: "a", body: new Uint8Array(8193) },
    { name: "ConnectionException", code: "limit" },
  ],
];

for (const [name, answer, expected] of BAD) {
  test(`a command ${name} is an error`, () => {
    const { http, told, request } = stage();
    request();
    assert.equal(http.last.limit, 8192);
    http.last.answer(answer);
    assert.throws(() => {
      throw told[0];
    }, expected);
  });
}

test("a custom codec serves its content type, and gets the time", () => {
  const { http, client } = stage();
  // As string: the data of the declared format are text.
  client.setMessageEncoderModule("text" as string, {
    encode: (data, timestamp) => `${data}@${timestamp.getTime()}`,
    decode: ({ payload }) => ({ data: payload.length, timestamp: new Date(7) }),
  });
  client.publishEvent("e", "text", "x");
  assert.equal(text(http.last.body), `x@${START_DATE}`);
  let got: HttpCommand | undefined;
  client.requestCommand("c", 0, (_, command) => {
    got = command;
  });
  http.last.answer({ contentType: "text/plain", body: Buffer.from("123") });
  assert.deepEqual(got, { command: "c", format: "text", data: 3, timestamp: new Date(7) });
});

test("16 requests wait for their answers; more are not made until one has ended", () => {
  const { http, told, publish, request } = stage();
  for (let n = 0; n < 16; n++) assert.equal(publish(), true);
  assert.deepEqual([publish(), request()], [false, false]);
  assert.deepEqual([http.sent.length, told], [16, []]);
  http.clock.advance(30_000);
  assert.equal(told.length, 16);
  assert.equal(publish(), true);
});

test("close() gives up what is on its way, and the client can be used again", () => {
  const { http, client, told, publish, request } = stage();
  publish();
  request(60);
  client.close();
  const codes = told.map(error => error!.code);
  assert.deepEqual(codes, ["not-connected", "not-connected"]);
  const aborted = http.sent.map(({ aborted }) => aborted);
  assert.deepEqual(aborted, [true, true]);
  http.clock.advance(100_000);
  assert.equal(told.length, 2);
  publish();
  http.last.answer({});
  assert.equal(told.length, 3);
});

test("what a callback throws goes to errorCallback, and no further", () => {
  const { http, client } = stage();
  const errors: Error[] = [];
  const fail = () => {
    throw new RangeError("mine");
  };
  client.publishEvent("e", "json", 1, fail);
  http.last.answer({});
  client.errorCallback = error => errors.push(error);
  client.requestCommand("+", 0, fail);
  http.last.answer({ status: 204 });
  const messages = errors.map(error => error.message);
  assert.deepEqual(messages, ["mine"]);
});

test("Quickstart sends json without credentials, and asks for no commands", () => {
  const http = new FakeHttp();
  const client = new HttpClient({ host: "broker.test", type: "board", id: "demo" }, http);
  client.publishEvent("e", "json", 1);
  assert.deepEqual(http.last.headers, { "content-type": "application/json" });
  assert.equal(http.last.path, "/api/v0002/device/types/board/devices/demo/events/e");
  assert.throws(() => client.publishEvent("e", "text", "x"), InvalidEventException);
  assert.throws(() => client.requestCommand("+", 0, assert.fail), InvalidEventException);
});

test("wrong options are refused as by DeviceClient, and no error shows the token", () => {
  const http = new FakeHttp();
  assert.throws(() => new HttpClient({ ...DEVICE, prot: 1 } as DeviceOptions, http), {
    name: "ConfigurationException",
    message: "Unknown option: prot; did you mean port?",
  });
  const { client, told, publish } = stage();
  publish();
  client.close();
  assert.ok(!String(told[0]).includes(TOKEN));
});
