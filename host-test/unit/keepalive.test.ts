// session/keepalive.ts: what the end of a tick calls for. A row is a tick: what happened in it, and the answer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { KeepAlive, type KeepAliveAct } from "../../src/session/keepalive.ts";

interface Tick {
  sent?: boolean;
  heard?: boolean;
  /** Bytes wait to leave. */
  pending?: boolean;
  act: KeepAliveAct;
}

function run(seconds: number, ticks: Tick[]): void {
  const keepAlive = new KeepAlive(seconds);
  keepAlive.reset();
  let sent = 100; // CONNECT
  keepAlive.heard(); // CONNACK
  for (const [n, { sent: moved, heard, pending = false, act }] of ticks.entries()) {
    if (moved) sent += 10;
    if (heard) keepAlive.heard();
    assert.equal(keepAlive.tick(sent, pending), act, `tick ${n + 1}`);
  }
}

const CASES: [string, number, Tick[]][] = [
  ["nothing happens: PINGREQ in every second tick at the latest", 60, [{ act: "rest" }, { act: "ping" }]],
  [
    "answered pings go on for ever",
    60,
    [{ act: "rest" }, { act: "ping" }, { sent: true, heard: true, act: "rest" }, { act: "ping" }],
  ],
  [
    "busy both ways: no PINGREQ at all",
    60,
    Array.from({ length: 9 }, () => ({ sent: true, heard: true, act: "rest" as const })),
  ],
  ["only receiving: the server must still hear from us", 60, [{ act: "rest" }, { heard: true, act: "ping" }]],
  [
    "only sending, at QoS 0 into a link that is dead: asked, then given up",
    60,
    [{ act: "rest" }, { sent: true, act: "ping" }, { sent: true, act: "dead" }],
  ],
  ["a PINGREQ is not answered: given up a tick later", 60, [{ act: "rest" }, { act: "ping" }, { act: "dead" }]],
  ["anything that arrives answers a PINGREQ", 60, [{ act: "rest" }, { act: "ping" }, { heard: true, act: "ping" }]],
  ["bytes that do not leave for a tick", 60, [{ act: "rest" }, { heard: true, pending: true, act: "dead" }]],
  [
    "bytes that wait but move",
    60,
    [
      { pending: true, act: "rest" },
      { sent: true, heard: true, pending: true, act: "rest" },
    ],
  ],
  ["keep-alive 0: never a PINGREQ", 0, [{ act: "rest" }, { act: "rest" }, { act: "rest" }]],
  ["keep-alive 0: a stalled write is noticed all the same", 0, [{ act: "rest" }, { pending: true, act: "dead" }]],
];

for (const [name, seconds, ticks] of CASES) test(name, () => run(seconds, ticks));

test("a tick is half the keep-alive, at its greatest still within a 31-bit timer; a minute when it is 0", () => {
  const ticks = [1, 60, 65535, 0].map(seconds => new KeepAlive(seconds).tickMs);
  assert.deepEqual(ticks, [500, 30_000, 32_767_500, 60_000]);
});

test("reset forgets an unanswered PINGREQ of the last connection", () => {
  const keepAlive = new KeepAlive(60);
  keepAlive.reset();
  keepAlive.tick(0, false);
  assert.equal(keepAlive.tick(0, false), "ping");
  keepAlive.reset();
  assert.equal(keepAlive.tick(0, false), "rest");
});
