// targets/moddable/http-sockets.ts: what happens when the engine gives no socket. The exchange itself is tested in
// end-to-end/api/http-engines.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpRequest } from "../../../src/device/http.ts";
import { ConfigurationException } from "../../../src/errors.ts";
import { SocketHttpPorts } from "../../../targets/moddable/http-sockets.ts";
import { FakeClock } from "../../harness/testing/clock.ts";
import { FakeNetwork } from "../../harness/testing/transport.ts";

const REQUEST: HttpRequest = {
  endpoint: { host: "h", port: 80 },
  path: "/",
  headers: {},
  body: new Uint8Array(1),
  limit: 100,
};

function failing(error: Error): { net: FakeNetwork; clock: FakeClock; ports: SocketHttpPorts } {
  const clock = new FakeClock();
  const net = new FakeNetwork(clock);
  net.refuseToOpen = error;
  return { net, clock, ports: new SocketHttpPorts(net) };
}

test("an engine without a free socket: the reason is told later, not thrown", () => {
  const { clock, ports } = failing(new Error("no socket"));
  const told: unknown[] = [];
  ports.post(REQUEST, (reason, answer) => told.push(reason, answer));
  assert.deepEqual(told, []);
  clock.advance(0);
  assert.deepEqual(told, ["no socket", undefined]);
});

test("a request that is cancelled before hears nothing", () => {
  const { clock, ports } = failing(new Error("no socket"));
  ports.post(REQUEST, () => assert.fail("told"))();
  assert.deepEqual(clock.pending, []);
});

test("an endpoint that can never work is thrown", () => {
  const { ports } = failing(new ConfigurationException("no TLS in this program"));
  assert.throws(() => ports.post(REQUEST, () => {}), { message: "no TLS in this program" });
});
