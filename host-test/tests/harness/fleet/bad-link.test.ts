// A bad link: what passes, what is lost, and that nothing is told from inside a call.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Transport, TransportListener } from "../../../../src/index.ts";
import { overBadLink } from "../../../harness/fleet/bad-link.ts";
import { FakeClock } from "../../../harness/testing/clock.ts";

/** A link over a transport that takes everything. `chance` decides when it is cut and when it stalls: 0 soon, 1 late. */
function link(chance: number) {
  const told: string[] = [];
  const written: Uint8Array[] = [];
  let inner!: TransportListener;
  const listener: TransportListener = {
    opened: () => told.push("opened"),
    received: bytes => told.push(`received ${bytes}`),
    writableAgain: () => told.push("writableAgain"),
    closed: reason => told.push(`closed ${reason}`),
  };
  const good: Transport = {
    writable: 10_000,
    write: bytes => written.push(Uint8Array.from(bytes)),
    close: closed => {
      told.push("inner closed");
      closed?.();
    },
  };
  const open = (given: TransportListener) => {
    inner = given;
    return good;
  };
  const clock = new FakeClock();
  const transport = overBadLink(open, listener, clock, () => chance);
  inner.opened();
  return { transport, told, written, inner, clock };
}

const settled = () => new Promise<void>(resolve => setImmediate(resolve));

test("it is cut in the middle of a packet, and what comes later is lost", async () => {
  const { transport, told, written } = link(0);
  transport.write(new Uint8Array(299));
  transport.write(new Uint8Array(10));
  assert.deepEqual([told, written.map(({ length }) => length)], [["opened"], [299, 1]]);
  assert.equal(transport.writable, 0);
  transport.write(new Uint8Array(5));
  await settled();
  assert.deepEqual(told, ["opened", "inner closed", "closed the link was cut"]);
  assert.equal(written.length, 2);
});

test("it stalls and goes on, and nothing is lost", () => {
  const { transport, told, inner, clock } = link(0);
  inner.received(Uint8Array.of(1));
  clock.advance(1000);
  assert.equal(transport.writable, 0);
  inner.received(Uint8Array.of(2));
  inner.writableAgain();
  assert.deepEqual(told, ["opened", "received 1"]);
  clock.advance(500);
  assert.deepEqual(told, ["opened", "received 1", "received 2", "writableAgain"]);
  assert.equal(transport.writable, 10_000);
});

for (const [name, end] of [
  ["the device closes it", ({ transport }) => transport.close()],
  ["the peer closes it", ({ inner }) => inner.closed("reset")],
] as const satisfies [string, (made: ReturnType<typeof link>) => void][]) {
  test(`a link that stalls is silent after ${name}`, async () => {
    const made = link(0);
    made.clock.advance(1000);
    made.inner.received(Uint8Array.of(2));
    end(made);
    const { length } = made.told;
    made.clock.advance(20_000);
    made.inner.received(Uint8Array.of(3));
    made.inner.closed("again");
    await settled();
    assert.equal(made.told.length, length);
  });
}

test("a device that closes it in the turn of the cut is not told of it", async () => {
  const { transport, told } = link(0);
  transport.write(new Uint8Array(400));
  transport.close();
  await settled();
  assert.deepEqual(told, ["opened", "inner closed"]);
});
