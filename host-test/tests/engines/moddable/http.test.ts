// HTTP on bare sockets: what is sent, and what is made of an answer however it is cut, of one that is too long, and of one
// that is none. Against the platform, in XS: host-test/tests/end-to-end/api/http-engines.test.ts; in the simulator:
// moddable.test.ts.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { HttpAnswer } from "../../../../src/device/http.ts";
import { AnswerReader } from "../../../../targets/moddable/http-answer.ts";
import { SocketHttpPorts } from "../../../../targets/moddable/http-sockets.ts";
import { utf8 } from "../../../harness/testing/bytes.ts";
import { FakeClock } from "../../../harness/testing/clock.ts";
import { FakeNetwork } from "../../../harness/testing/transport.ts";
import { feedAllWays } from "../../support/feed-all-ways.ts";

const LIMIT = 20;

/** What an answer is; "open" while more is to come, or what is wrong with it. */
function outcome(chunks: Uint8Array[], closed: boolean): string {
  const reader = new AnswerReader(LIMIT);
  try {
    let done = false;
    for (const chunk of chunks) done = done || reader.read(chunk);
    if (!done && closed) done = reader.ended();
    if (!done) return "open";
  } catch (error) {
    return (error as Error).message;
  }
  const { status, contentType, commandId, body } = reader;
  return `${status} ${contentType} ${commandId} ${new TextDecoder().decode(body)}`;
}

const OK = "HTTP/1.1 200 OK\r\n";

const WHOLE: [string, string, string][] = [
  ["a length", `${OK}Content-Length: 5\r\n\r\nhello`, "200   hello"],
  ["a length of 0", `${OK}content-length: 0\r\n\r\n`, "200   "],
  ["no content", "HTTP/1.1 204 No Content\r\n\r\n", "204   "],
  [
    "not modified, with the length of what is not sent",
    "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
    "304   ",
  ],
  ["a status without words", "HTTP/1.1 200\r\ncontent-length:1\r\n\r\nx", "200   x"],
  ["line ends without CR", "HTTP/1.1 200 OK\ncontent-length: 1\n\nx", "200   x"],
  [
    "the headers that matter, in any case",
    `${OK}Date: now\r\nCONTENT-type: text/plain; charset=utf-8\r\nX-CommandId: print\r\nContent-Length: 2\r\n\r\nhi`,
    "200 text/plain; charset=utf-8 print hi",
  ],
  [
    "an id in UTF-8, with a percent sign",
    `${OK}X-commandId: 온도 100%41\r\nContent-Length: 0\r\n\r\n`,
    "200  온도 100%41 ",
  ],
  [
    "an id that ends in the byte A0, between blanks",
    `${OK}X-commandId: \t voil\u00e0 \r\nContent-Length: 0\r\n\r\n`,
    "200  voil\u00e0 ",
  ],
  ["a header longer than is kept", `${OK}set-cookie: ${"x".repeat(5000)}\r\nContent-Length: 2\r\n\r\nhi`, "200   hi"],
  [
    "chunks",
    `${OK}Transfer-Encoding: Chunked\r\n\r\n3\r\nhel\r\n2;name=value\r\nlo\r\n0\r\nx-late: 1\r\n\r\n`,
    "200   hello",
  ],
  [
    "chunks and a length, which does not count",
    `${OK}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    "200   ",
  ],
  [
    "an answer before the answer",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno",
    "403   no",
  ],
  [
    "lengths before the answer, which do not count",
    "HTTP/1.1 100 Continue\r\ncontent-length: 3\r\n\r\nHTTP/1.1 102 Processing\r\ntransfer-encoding: chunked\r\n\r\n" +
      `${OK}content-length: 2\r\n\r\nok`,
    "200   ok",
  ],
  ["as much as is wanted", `${OK}content-length: ${LIMIT}\r\n\r\n${"x".repeat(LIMIT)}`, `200   ${"x".repeat(LIMIT)}`],
];

const TOO_LONG = `200   ${"x".repeat(LIMIT + 1)}`;
const LONG: [string, string][] = [
  ["told", `${OK}content-length: 999999999999\r\n\r\n${"x".repeat(LIMIT + 1)}`],
  ["in one chunk", `${OK}transfer-encoding: chunked\r\n\r\nfffffff\r\n${"x".repeat(LIMIT + 1)}`],
  ["in many chunks", `${OK}transfer-encoding: chunked\r\n\r\n${"1\r\nx\r\n".repeat(LIMIT)}1\r\nx`],
  ["until the end", `${OK}\r\n${"x".repeat(LIMIT + 1)}`],
];

const WRONG: [string, string, RegExp][] = [
  ["MQTT", "\x20\x02\x00\x05\n", /does not speak HTTP/],
  ["HTTP/2", "HTTP/2 200\r\n", /does not speak HTTP/],
  ["a status that is none", "HTTP/1.1 99 OK\r\n", /does not speak HTTP/],
  ["a status below 100", "HTTP/1.1 099 OK\r\n", /does not speak HTTP/],
  ["a status above 599", "HTTP/1.1 600 OK\r\n", /does not speak HTTP/],
  ["a command id that is cut", `${OK}X-commandId: ${"x".repeat(243)}\r\n`, /X-commandId of more than 256/],
  ["a length that is none", `${OK}content-length: -1\r\n`, /length is no number/],
  ["a length of 16 digits", `${OK}content-length: 1000000000000000\r\n`, /length is no number/],
  ["a chunk without a size", `${OK}transfer-encoding: chunked\r\n\r\nx\r\n`, /size is no number/],
  ["a chunk of 2^28 bytes", `${OK}transfer-encoding: chunked\r\n\r\n10000000\r\n`, /size is no number/],
  ["gzip", `${OK}transfer-encoding: gzip\r\n`, /encoding that is not known/],
];

describe("an answer", () => {
  for (const [name, text, expected] of WHOLE) {
    test(`with ${name}`, () => {
      feedAllWays(utf8(text), chunks => [outcome(chunks, false)], [expected], {
        bytes: utf8("HTTP/1.1 500"),
        adds: [],
      });
    });
  }

  test("without a length: ends with the connection", () => {
    const text = utf8("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nhello");
    feedAllWays(text, chunks => [outcome(chunks, true)], ["200 text/plain  hello"]);
    feedAllWays(text, chunks => [outcome(chunks, false)], ["open"]);
  });

  for (const [name, text] of LONG) {
    test(`too long, ${name}: no more than one byte beyond what is wanted`, () => {
      feedAllWays(utf8(text), chunks => [outcome(chunks, false)], [TOO_LONG], { bytes: utf8("xxxx"), adds: [] });
    });
  }

  for (const [name, text, reason] of WRONG) {
    test(`that is none: ${name}`, () => {
      const [told] = [outcome([utf8(text)], false)];
      assert.match(told, reason);
      feedAllWays(utf8(text), chunks => [outcome(chunks, false)], [told], { bytes: utf8("\r\n\r\n"), adds: [] });
    });
  }

  test("that breaks off anywhere is none", () => {
    for (const text of WHOLE.map(([, text]) => text)) {
      const bytes = utf8(text);
      for (let end = 0; end < bytes.length; end++) {
        const told = outcome([bytes.subarray(0, end)], true);
        // Cut after the head of an answer without content there is nothing to miss.
        assert.ok(
          told === "open" || /does not speak HTTP/.test(told),
          `${JSON.stringify(text.slice(0, end))}: ${told}`,
        );
      }
    }
  });
});

describe("a request", () => {
  const REQUEST = {
    endpoint: { host: "abc123.messaging.example.com", port: 1883 },
    path: "/api/v0002/device/types/thermo/devices/t-01/events/status",
    headers: { "content-type": "application/json" },
    body: utf8('{"d":1}'),
    limit: LIMIT,
  };

  function post(endpoint = {}) {
    const network = new FakeNetwork(new FakeClock());
    const told: (string | HttpAnswer | undefined)[] = [];
    const ports = new SocketHttpPorts(network);
    const abort = ports.post({ ...REQUEST, endpoint: { ...REQUEST.endpoint, ...endpoint } }, (reason, answer) => {
      told.push(reason, answer && { ...answer, status: answer.status, body: answer.body.slice() });
    });
    return { link: network.link, told, abort };
  }
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

  test("is sent once the connection is up, and the connection is closed after the answer", () => {
    const { link, told } = post();
    link.opens();
    assert.equal(
      text(link.sent),
      "POST /api/v0002/device/types/thermo/devices/t-01/events/status HTTP/1.1\r\nhost: abc123.messaging.example.com:1883\r\n" +
        'connection: close\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n{"d":1}',
    );
    link.receives(utf8("HTTP/1.1 200 OK\r\n"));
    assert.deepEqual([told, link.closedByClient], [[], false]);
    link.receives(utf8("content-length: 2\r\n\r\nok"));
    assert.equal((told[1] as HttpAnswer).status, 200);
    assert.equal(text((told[1] as HttpAnswer).body), "ok");
    assert.deepEqual([told.length, told[0], link.closedByClient], [2, undefined, true]);
  });

  test("goes out in as small pieces as the connection takes", () => {
    const { link } = post();
    link.room = 1;
    link.opens();
    while (link.writes.length < 230 && !text(link.sent).endsWith("}")) link.drains(1);
    assert.ok(text(link.sent).endsWith('content-length: 7\r\n\r\n{"d":1}'));
  });

  const HOSTS: [string, number, boolean, string][] = [
    ["example.com", 80, false, "example.com"],
    ["example.com", 443, true, "example.com"],
    ["example.com", 443, false, "example.com:443"],
    ["example.com", 8883, true, "example.com:8883"],
    ["2001:db8::7", 80, false, "[2001:db8::7]"],
    ["2001:db8::7", 1883, false, "[2001:db8::7]:1883"],
  ];
  for (const [host, port, tls, name] of HOSTS) {
    test(`names ${name}`, () => {
      const { link } = post({ host, port, ...(tls && { tls: {} }) });
      link.opens();
      assert.ok(text(link.sent).includes(`\r\nhost: ${name}\r\n`), text(link.sent));
    });
  }

  test("ends without an answer: the reason of the connection, or that there was none", () => {
    for (const [reason, expected] of [
      ["no address for this name", "no address for this name"],
      [undefined, "the connection ended before the answer did"],
    ]) {
      const { link, told } = post();
      link.ends(reason);
      assert.deepEqual(told, [expected, undefined]);
    }
  });

  test("that gets something else than an answer: the reason, and the connection is closed", () => {
    const { link, told } = post();
    link.opens();
    link.receives(utf8("\x20\x02\x00\x05\n"));
    assert.deepEqual([told, link.closedByClient], [["what answered does not speak HTTP", undefined], true]);
  });

  test("that is given up is not answered any more", () => {
    const { link, told, abort } = post();
    link.opens();
    abort();
    link.receives(utf8("HTTP/1.1 204 No Content\r\n\r\n"));
    assert.deepEqual([told, link.closedByClient], [[], true]);
  });
});
