// mqtt/keepalive.ts: what the client does at the end of each half of the keep-alive. A row is a half: what happened in it,
// and the action.

import assert from "node:assert/strict";
import { test } from "node:test";
import { KeepAlive, type KeepAliveAction, type Traffic } from "../../../src/mqtt/keepalive.ts";

interface Half {
  sent?: boolean;
  received?: boolean;
  /** Bytes wait to leave. */
  pending?: boolean;
  action: KeepAliveAction;
}

function run(seconds: number, halves: Half[]): void {
  const keepAlive = new KeepAlive(seconds, 100_000_000);
  const link = traffic(true, true); // CONNECT, CONNACK
  keepAlive.reset(link);
  for (const [n, { sent = false, received = false, pending = false, action }] of halves.entries()) {
    assert.deepEqual([link.buffer.sentInHalf, link.receivedInHalf], [false, false], "cleared");
    Object.assign(link, traffic(sent, received, pending));
    assert.equal(keepAlive.check(link), action, `half ${n + 1}`);
  }
}

function traffic(sent = false, received = false, pending = false): Traffic {
  return { receivedInHalf: received, buffer: { sentInHalf: sent, pending } };
}

/** For example SUBSCRIBE and SUBACK. */
const BUSY: Half = { sent: true, received: true, action: "none" };

const CASES: [string, number, Half[]][] = [
  ["nothing after CONNACK: PINGREQ at the end of the first half, because CONNECT may be old", 60, [{ action: "ping" }]],
  ["nothing happens: PINGREQ in every second half at the latest", 60, [BUSY, { action: "ping" }]],
  ["answered pings go on for ever", 60, [BUSY, { action: "ping" }, BUSY, { action: "ping" }]],
  ["busy both ways: no PINGREQ at all", 60, Array(9).fill(BUSY)],
  ["only receiving: the server must still hear from us", 60, [BUSY, { received: true, action: "ping" }]],
  [
    "only sending, at QoS 0 into a link that is dead: asked, then given up",
    60,
    [BUSY, { sent: true, action: "ping" }, { sent: true, action: "dead" }],
  ],
  ["a PINGREQ is not answered: given up a half later", 60, [BUSY, { action: "ping" }, { action: "dead" }]],
  ["anything that arrives answers a PINGREQ", 60, [BUSY, { action: "ping" }, { received: true, action: "ping" }]],
  ["bytes that do not leave for a half", 60, [BUSY, { received: true, pending: true, action: "dead" }]],
  ["bytes that wait but move", 60, Array(2).fill({ ...BUSY, pending: true })],
  [
    "a PINGREQ behind other bytes has another half to be answered",
    60,
    [BUSY, { sent: true, pending: true, action: "ping" }, { sent: true, action: "ping" }],
  ],
  ["keep-alive 0: never a PINGREQ", 0, [{ action: "none" }, { action: "none" }]],
  ["keep-alive 0: a stalled write is noticed all the same", 0, [{ action: "none" }, { pending: true, action: "dead" }]],
];

for (const [name, seconds, halves] of CASES) test(name, () => run(seconds, halves));

test("a check comes after half the keep-alive, at its greatest still within a 31-bit timer; a minute when it is 0", () => {
  const halves = [1, 60, 65535, 0].map(seconds => new KeepAlive(seconds, 100_000_000).checkMs);
  assert.deepEqual(halves, [500, 30_000, 32_767_500, 60_000]);
});

test("reset forgets an unanswered PINGREQ of the last connection", () => {
  const keepAlive = new KeepAlive(60, 100_000_000);
  keepAlive.reset(traffic());
  assert.equal(keepAlive.check(traffic()), "ping");
  keepAlive.reset(traffic());
  assert.equal(keepAlive.check(traffic()), "ping");
  assert.equal(keepAlive.check(traffic()), "dead");
});

test("reset begins a new acknowledgement timeout", () => {
  const keepAlive = new KeepAlive(60, 100_000);
  const checked = () => {
    const due = keepAlive.ackCheckDue;
    keepAlive.check(traffic());
    return due;
  };
  keepAlive.reset(traffic());
  checked();
  keepAlive.reset(traffic());
  assert.deepEqual([checked(), checked(), checked()], [false, false, true]);
});

// Keep-alive and acknowledgement timeout, s; interval of checks, ms; seconds at which there is a PINGREQ and a look at
// acknowledgements.
const PARTS: [number, number, number, number[], number[]][] = [
  [60, 20, 15_000, [30, 60, 90], [15, 30, 45, 60, 75, 90]],
  [60, 100, 30_000, [30, 60, 90], [90]],
  [4, 20, 2_000, [2, 4, 6], [20]],
  [1, 20, 500, [0.5, 1, 1.5], [20]],
  [0, 20, 20_000, [], [20, 40, 60, 80, 100]],
  [50, 20, 12_500, [25, 50, 75], [12.5, 25, 37.5, 50, 62.5, 75]],
  [65_535, 20, 19_992, [], []],
];

for (const [seconds, ackTimeout, checkMs, pings, checks] of PARTS) {
  test(`keep-alive ${seconds} s, acknowledgements after ${ackTimeout} s: the timer serves both`, () => {
    const keepAlive = new KeepAlive(seconds, ackTimeout * 1000);
    assert.equal(Math.round(keepAlive.checkMs), checkMs);
    const link = traffic();
    keepAlive.reset(link);
    const seen = { pings: [] as number[], checks: [] as number[] };
    for (let ms = keepAlive.checkMs; ms <= 100_000; ms += keepAlive.checkMs) {
      if (keepAlive.ackCheckDue) seen.checks.push(ms / 1000);
      if (keepAlive.check(link) === "ping") {
        seen.pings.push(ms / 1000);
        link.receivedInHalf = true;
      }
    }
    assert.deepEqual([seen.pings.slice(0, pings.length), seen.checks.slice(0, checks.length)], [pings, checks]);
  });
}
