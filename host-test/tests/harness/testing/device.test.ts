// NEEDS dist/ (npm run build). The harness as a user has it: what a test can do to a device, and what it is told when an
// expectation is not met.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Codec, type ConnectionException, DeviceClient, MqttClient, type Ports } from "../../../../dist/node.js";
import { type Bench, TEST_DEVICE, type TestDevice, testDevice } from "../../../../dist/testing.js";
import { assertComplaint, complaint } from "./complaint.ts";

const COMMANDS = "iot-2/cmd/+/fmt/+";

/** A thermometer as the README has devices: no ports anywhere. */
function thermometer({ options }: Bench) {
  const client = new DeviceClient(options);
  const heard: string[] = [];
  client.commandCallback = ({ command, data }) => heard.push(`${command} ${JSON.stringify(data)}`);
  client.connect();
  setInterval(() => client.publishEvent("status", "json", { temp: 20 }, 1), 60_000);
  return { client, heard };
}

const connected = (): TestDevice<ReturnType<typeof thermometer>> => {
  const t = testDevice(thermometer);
  t.platform.accept();
  return t;
};

/** A device with a durable session. */
function durableClient({ options }: Bench): DeviceClient {
  const client = new DeviceClient({ ...options, "clean-session": false });
  client.connect();
  return client;
}

/** The connection is cut; the device connects again. */
function reconnect(t: TestDevice<unknown>): void {
  t.link.ends("ECONNRESET");
  t.advanceToConnect();
  t.platform.accept();
}

describe("a device on the bench", () => {
  test("connects, is sent a command and publishes, at its time", () => {
    const t = connected();
    t.expectSubscribed(COMMANDS).expectSubscribed("iot-2/cmd/reboot/fmt/json").expectNoEvent();
    t.platform.sendCommand("setInterval", { interval: 1 });
    assert.deepEqual(t.program.heard, ['setInterval {"interval":1}']);
    t.advance(59_999).expectNoEvent();
    t.advance(1);
    const event = t.expectEvent("status", { temp: 20 }, { format: "json", qos: 1 });
    assert.equal(event.atMs, 60_000);
    t.expectNoEvent().expectNoViolation();
  });

  test("ports are the same, passed on or not", () => {
    const given: Ports[] = [];
    const t = testDevice(({ ports, options }) => {
      given.push(ports);
      new DeviceClient(options, ports).connect();
      new DeviceClient({ ...options, id: "t-02" }).connect();
    });
    t.platform.accept().accept();
    const clientIds = t.platform.connects.map(({ clientId }) => clientId);
    assert.deepEqual(clientIds, ["d:abc123:thermo:t-01", "d:abc123:thermo:t-02"]);
    assert.equal(given[0]!.clock, t.clock);
  });

  test("outside of the program, time, timers and chance are those of the test runner", async () => {
    const own = [setTimeout, setInterval, clearTimeout, Date, Math.random, "trace" in globalThis];
    const t = connected();
    t.advance(120_000);
    assert.deepEqual([setTimeout, setInterval, clearTimeout, Date, Math.random, "trace" in globalThis], own);
    await new Promise(setImmediate);
    assert.equal(t.now, 120_000);
  });

  test("inside of it, they are the test's", () => {
    const t = testDevice(() => ({ from: Date.now(), date: new Date(), text: Date(), chance: Math.random() }));
    const { from, date, text, chance } = t.program;
    assert.deepEqual(date, new Date(from));
    assert.equal(from, Date.UTC(2017, 2, 14, 1, 2, 3));
    assert.equal(text, new Date(from).toString());
    assert.equal(chance, testDevice(() => Math.random()).program);
    assert.notEqual(chance, testDevice(() => Math.random(), { seed: 2 }).program);
    t.advance(1000);
    assert.equal(
      t.run(() => new Date(2020, 1).getTime() + Date.now()),
      new Date(2020, 1).getTime() + from + 1000,
    );
  });

  test("timers repeat, are cleared, take arguments", () => {
    const rang: unknown[] = [];
    const t = testDevice(() => {
      const every = setInterval((what: string) => rang.push(what), 10, "every");
      setTimeout(() => clearInterval(every), 35);
      const never = setTimeout(() => rang.push("never"), 20);
      setImmediate(() => clearTimeout(never));
      setTimeout(() => rang.push("once"), 30).unref();
    });
    t.advance(1000);
    assert.deepEqual(rang, ["every", "every", "once", "every"]);
  });

  test("the device's tick counter may wrap on the way", () => {
    const t = testDevice(
      ({ ports, options }) => {
        new DeviceClient(options).connect();
        return () => ports.clock.now();
      },
      { startMs: 2 ** 32 - 1000 },
    );
    t.platform.accept({ always: true });
    assert.equal(t.run(t.program), 2 ** 32 - 1000);
    t.advance(300_000);
    assert.equal(t.run(t.program), 299_000);
    assert.ok(t.platform.connected);
    assert.equal(t.platform.connects.length, 1, "keep-alive went on");
  });

  test("trace is part of the dialogue", () => {
    const program = () => (globalThis as unknown as { trace(...words: unknown[]): void }).trace("ready ", 1, "\n");
    assert.match(testDevice(program).dialogue, / 0 ms {2}device +says ready 1$/);
  });

  test("what a callback throws and nobody hears of is in the dialogue", () => {
    const t = testDevice(({ options }) => {
      const client = new DeviceClient(options);
      client.commandCallback = () => {
        throw new TypeError("no such relay");
      };
      client.connect();
    });
    t.platform.accept().sendCommand("switch");
    assert.match(t.dialogue, /has no errorCallback for TypeError: no such relay/);
  });

  test("what a timer throws comes out of advance", () => {
    const t = testDevice(() => setTimeout(() => assert.fail("broken sensor"), 5));
    assert.throws(() => t.advance(10), /broken sensor/);
    assert.match(t.dialogue, / 5 ms {2}device +throws .*broken sensor/);
  });

  test("a program that waits in a loop is stopped, also where a client catches what its callbacks throw", () => {
    const wait = () => {
      const end = Date.now() + 1000;
      while (Date.now() < end);
    };
    assertComplaint(
      () => testDevice(wait),
      /^the device is stuck: it looks at the clock 100000 times, and no time passes$/,
    );
    const t = testDevice(({ options }) => {
      const client = new DeviceClient(options);
      client.errorCallback = () => {};
      client.commandCallback = wait;
      client.connect();
    });
    t.platform.accept();
    assertComplaint(() => t.platform.sendCommand("wait"), /^the device is stuck/);
    t.expectNoViolation();
  });

  test("promises go on in settle, as the device", async () => {
    const t = testDevice(async ({ options }) => {
      const name = await Promise.resolve("started");
      const client = new DeviceClient(options);
      client.connect();
      await new Promise(resolve => setTimeout(resolve, 500)); // of the fake clock: t.advance() ends it
      client.publishEvent(name, "json", { at: Date.now() });
    });
    await t.settle();
    t.platform.accept();
    t.advance(500).expectNoEvent();
    await t.settle();
    t.expectEvent("started", { at: t.clock.date() });
  });

  test("a restart takes timers and connections away, and leaves the store", () => {
    const t = testDevice(durableClient, { store: true });
    const before = t.program;
    t.run(() => t.program.publishEvent("alarm", "json", { door: "open" }, 1));
    t.restart();
    assert.notEqual(t.program, before);
    t.platform.accept();
    t.expectEvent("alarm", { door: "open" });
    t.restart().platform.accept();
    t.expectNoEvent();
  });
});

describe("the platform", () => {
  test("does nothing by itself", () => {
    const t = testDevice(thermometer);
    assert.deepEqual(t.expectConnecting(), { host: "platform.test", port: 1883 });
    t.advance(29_999);
    assert.ok(t.platform.waiting && !t.platform.connected);
    t.advance(1);
    assert.ok(!t.platform.waiting, "the client gave up after 30 s");
  });

  test("refuses, and the client stops or tries again", () => {
    for (const code of [1, 2, 4, 5] as const) {
      const t = testDevice(({ options }) => new DeviceClient(options).connect());
      t.platform.refuse(code);
      t.expectNoConnection(3_600_000);
    }
    const t = testDevice(thermometer);
    t.platform.refuse(3);
    assert.ok(t.advanceToConnect() <= 2000);
    t.platform.accept();
    assert.ok(t.platform.connected);
  });

  test("can be away for long, and answers every time when told so", () => {
    const t = testDevice(thermometer);
    t.platform.unreachable("ENOTFOUND", { always: true });
    t.advance(3_600_000);
    assert.ok(t.dialogue.split("opens platform.test").length > 20);
    t.platform.accept({ always: true });
    t.advance(180_000);
    assert.ok(t.platform.connected);
    assert.ok(t.events.length > 50);
    t.platform.askEachTime().closeConnection();
    t.advanceToConnect();
    assert.ok(!t.platform.connected);
  });

  test("a CONNECT that nobody answers is given up", () => {
    const reasons: string[] = [];
    const t = testDevice(({ options }) => {
      const client = new DeviceClient(options);
      client.disconnectedCallback = reason => reasons.push((reason as ConnectionException).code);
      client.connect();
    });
    t.platform.ignore();
    t.advance(60_000);
    assert.equal(reasons[0], "timeout");
  });

  test("shows with what the device came, and writes no token anywhere", () => {
    const t = connected();
    const [connect] = t.platform.connects;
    assert.equal(connect!.username, "use-token-auth");
    assert.equal(new TextDecoder().decode(connect!.password), "test-token");
    assert.ok(!complaint(() => t.expectEvent("never")).includes("test-token") && !t.dialogue.includes("test-token"));
  });

  test("an acknowledgement that is dropped makes the device send again", () => {
    const t = testDevice(thermometer, { options: { "clean-session": false } });
    t.platform.accept().dropAcknowledgement();
    t.advance(60_000);
    assert.equal(t.expectEvent("status").dup, false);
    reconnect(t);
    assert.equal(t.expectEvent("status", { temp: 20 }).dup, true);
    assert.equal(t.program.client.counters.inflight, 0);
  });

  test("QoS 2 arrives once, whatever is lost", () => {
    const t = testDevice(durableClient);
    t.platform.accept().dropAcknowledgement(2);
    t.run(() => t.program.publishEvent("count", "json", 1, 2));
    for (let i = 0; i < 3; i++) reconnect(t);
    t.expectEvent("count", 1);
    t.expectNoEvent();
    assert.equal(t.program.counters.inflight, 0);
  });

  test("commands wait for a device with a durable session, and for no other", () => {
    for (const durable of [true, false]) {
      const heard: string[] = [];
      const t = testDevice(({ options }) => {
        const client = new DeviceClient({ ...options, "clean-session": !durable });
        client.commandCallback = ({ command }) => heard.push(command);
        client.connect();
      });
      t.platform.accept();
      t.link.ends("ECONNRESET");
      const send = () => t.platform.sendCommand("reboot");
      if (durable) send();
      else assertComplaint(send, /cannot be delivered: the device is not connected and has no durable session/);
      t.advanceToConnect();
      t.platform.accept();
      assert.deepEqual(heard, durable ? ["reboot"] : []);
    }
  });

  test("a session that is lost has no subscriptions until the device makes them again", () => {
    const t = testDevice(durableClient);
    t.platform.accept();
    t.expectSubscribed(COMMANDS);
    t.platform.restart();
    t.advanceToConnect();
    t.platform.accept();
    t.expectSubscribed(COMMANDS);
    t.link.ends("ECONNRESET");
    t.advanceToConnect();
    t.platform.accept({ sessionPresent: true });
    assert.match(t.dialogue, /CONNACK 0 session present$/);
    t.expectSubscribed(COMMANDS);
    assert.equal(t.dialogue.split("SUBSCRIBE").length - 1, 2);
  });

  test("a session that cannot be is refused", () => {
    const t = testDevice(thermometer);
    assertComplaint(() => t.platform.accept({ sessionPresent: true }), /asked for a clean session/);
  });

  test("refused subscriptions, a takeover, silence", () => {
    const t = testDevice(({ options }) => {
      const client = new DeviceClient(options);
      const told: string[] = [];
      client.errorCallback = error => told.push((error as ConnectionException).code);
      client.disconnectedCallback = reason => told.push(reason!.code);
      client.connect();
      return told;
    });
    t.platform.refuseSubscriptions().accept();
    assert.deepEqual(t.program, ["subscribe"]);
    assertComplaint(
      () => t.platform.sendCommand("x"),
      /iot-2\/cmd\/x\/fmt\/json cannot be delivered: the device has subscribed to nothing/,
    );
    t.platform.takeOver();
    t.advanceToConnect();
    t.platform.accept().fallSilent();
    t.advance(120_000);
    assert.deepEqual(t.program.slice(1), ["closed", "subscribe", "timeout"]);
  });

  test("after a silence, both sides catch up", () => {
    const t = connected();
    t.platform.fallSilent();
    t.advance(60_000).expectNoEvent();
    t.platform.sendCommand("hello");
    assert.deepEqual(t.program.heard, []);
    t.platform.wake();
    t.expectEvent("status");
    assert.deepEqual(t.program.heard, ["hello {}"]);
    assert.ok(t.platform.connected);
  });

  test("throws a device out that uses topics which are not a device's", () => {
    const t = testDevice(({ ports }) => {
      const client = new MqttClient(
        { endpoint: { host: "platform.test", port: 1883 }, clientId: "d:abc123:thermo:t-01" },
        ports,
      );
      client.connect();
      client.publish("home/kitchen", new Uint8Array(1));
    });
    t.platform.accept();
    assert.ok(!t.platform.connected);
    assert.deepEqual(t.platform.violations, ["a device may not publish to home/kitchen"]);
    assertComplaint(
      () => t.expectNoViolation(),
      /the device has broken a rule: a device may not publish to home\/kitchen/,
    );
  });

  test("is any broker to an MqttClient, its will included", () => {
    const t = testDevice(({ ports }) => {
      const will = { topic: "home/state", payload: "gone", qos: 0, retain: false } as const;
      const endpoint = { host: "broker.test", port: 1883 };
      const client = new MqttClient({ endpoint, clientId: "kitchen", will }, ports);
      const heard: string[] = [];
      client.messageCallback = ({ topic, payload }) => heard.push(`${topic} ${new TextDecoder().decode(payload)}`);
      client.subscribe([{ topic: "home/+/set", qos: 2 }]);
      client.connect();
      client.publish("home/kitchen", new TextEncoder().encode("21.5"), 1);
      return heard;
    });
    t.platform.accept();
    t.expectMessage("home/kitchen", "21.5");
    t.platform.send("home/kitchen/set", "on", 2);
    assert.deepEqual(t.program, ["home/kitchen/set on"]);
    t.link.ends("ECONNRESET");
    assert.equal(t.expectMessage("home/state", "gone").will, true);
  });
});

describe("faults of the network", () => {
  test("bytes come in pieces, the same for the same seed", () => {
    const run = (split: "whole" | "bytes" | "random", seed: number) => {
      const t = testDevice(thermometer, { split, seed });
      t.platform.accept().sendCommand("say", { text: "grüß Gott ".repeat(20) });
      t.advance(60_000).expectEvent("status");
      assert.equal(t.program.heard.length, 1);
      t.link.ends("ECONNRESET");
      t.advanceToConnect();
      return t.dialogue;
    };
    assert.equal(run("random", 3), run("random", 3));
    assert.notEqual(run("random", 3), run("random", 4));
    run("bytes", 1);
    run("whole", 1);
  });

  test("a stalled link holds events back, a cut one loses what was on its way, a failed write is sent again", () => {
    const t = connected();
    t.link.stalls();
    t.run(() => t.program.client.publishEvent("first", "json", 1, 1));
    t.advance(2000).expectNoEvent();
    t.link.drains();
    t.expectEvent("first");

    t.link.cutAfter = t.link.sent.length + 10;
    t.advance(60_000).expectNoEvent();
    t.advanceToConnect();
    t.onConnection(link => {
      link.failWrite = 3;
    });
    t.platform.accept();
    t.expectEvent("status");

    reconnect(t);
    t.run(() => t.program.client.publishEvent("extra", "json", 1, 1));
    t.expectNoEvent("extra");
    assert.match(t.dialogue, /the connection is gone: ECONNRESET$/);
    t.onConnection(undefined).advanceToConnect();
    t.platform.accept();
    t.expectEvent("extra", 1);
  });

  test("a corrupt byte ends the connection, not the device", () => {
    const t = testDevice(thermometer);
    t.link.corrupt = 1;
    t.platform.accept();
    assert.ok(!t.program.client.connected);
    t.advanceToConnect();
    t.platform.accept();
    t.expectSubscribed(COMMANDS);
  });
});

describe("expectations", () => {
  test("say what was expected, what was there, and everything that happened", () => {
    const t = connected();
    t.advance(60_000);
    assert.throws(() => t.expectEvent("status", { temp: 21 }), {
      name: "ExpectationError",
      message: `event status: expected data {"temp":21}, but it was {"temp":20}

       0 ms  device    opens platform.test:1883
       0 ms  device  → CONNECT d:abc123:thermo:t-01 clean
       0 ms  device  ← CONNACK 0
       0 ms  device  → SUBSCRIBE #1 iot-2/cmd/+/fmt/+ q1
       0 ms  device  ← SUBACK #1 q1
   60000 ms  device  → PUBLISH #2 q1 iot-2/evt/status/fmt/json {"temp":20}
   60000 ms  device  ← PUBACK #2
  (seed 1)`,
    });
  });

  test("each of them can fail", () => {
    const t = connected();
    assertComplaint(() => t.expectEvent("status"), /expected an event "status", but there was none/);
    t.advance(180_000);
    assertComplaint(() => t.expectEvent("alarm"), /there were only iot-2\/evt\/status\/fmt\/json, /);
    assertComplaint(() => t.expectEvent("status", { temp: 20 }, { qos: 0 }), /expected QoS 0, but it was 1/);
    assertComplaint(
      () => t.expectEvent<{ temp: number }>("status", data => data.temp > 30),
      /the data are not as expected: \{"temp":20\}/,
    );
    assertComplaint(() => t.expectNoEvent("status"), /expected no event status, but there was status \{"temp":20\}/);
    assertComplaint(() => t.expectMessage("a/b"), /expected a message on a\/b, but there was none/);
    assertComplaint(
      () => t.expectSubscribed("a/b"),
      /expected a subscription to a\/b, but there is iot-2\/cmd\/\+\/fmt\/\+/,
    );
    assertComplaint(() => t.expectConnecting(), /expected that the device connects; it is connected/);
    assertComplaint(() => t.platform.accept(), /no connection waits for an answer; it is connected/);
    assertComplaint(() => t.advanceToConnect(100), /does not connect within 100 ms/);
    t.platform.closeConnection();
    assertComplaint(() => t.expectConnecting(), /expected that the device connects; its next timer is due in \d+ ms/);
    assertComplaint(() => t.platform.takeOver(), /the device is not connected/);
    assertComplaint(() => t.expectSubscribed("a/b"), /there is no connection/);
    assertComplaint(() => t.expectNoConnection(2000), /expected no connection from 180000 ms to 182000 ms/);
    assertComplaint(() => t.expectNoConnection(0), /one waits for an answer/);
  });

  test("formats: JSON, text, bytes, and codecs of the program's own", () => {
    const tenths: Codec = {
      encode: data => Uint8Array.of((data as { celsius: number }).celsius * 10),
      decode: ({ payload }) => ({ data: { celsius: payload[0]! / 10 } }),
    };
    const t = testDevice(
      ({ options }) => {
        const client = new DeviceClient(options);
        const heard: unknown[] = [];
        client.setMessageEncoderModule("tenths", tenths);
        client.commandCallback = ({ data }) => heard.push(data);
        client.connect();
        client.publishEvent("a", "json", [1, null, { b: undefined }]);
        client.publishEvent("a", "json-iotf", { x: 1 });
        client.publishEvent("a", "utf8", "grüß");
        client.publishEvent("a", "raw", Uint8Array.of(1, 2));
        client.publishEvent("a", "tenths", { celsius: 2.5 });
        return heard;
      },
      { codecs: { tenths } },
    );
    t.platform.accept();
    t.expectEvent("a", [1, null, {}]);
    t.expectEvent("a", { x: 1 }, { format: "json-iotf" });
    t.expectEvent("a", "grüß", { format: "utf8" });
    assertComplaint(() => t.expectEvent("a", Uint8Array.of(1)), /expected data bytes 01, but it was bytes 01 02/);
    t.expectEvent("a", { celsius: 2.5 });
    t.platform.sendCommand("set", { celsius: 1.5 }, { format: "tenths", qos: 2 });
    t.platform.sendCommand("set", { y: 1 }, { format: "json-iotf" });
    t.platform.sendCommand("set", "text", { format: "utf8" });
    assert.deepEqual(t.program, [{ celsius: 1.5 }, { y: 1 }, "text"]);
    assert.throws(() => t.platform.sendCommand("set", {}, { format: "cbor" }), /give testDevice its codec/);
  });
});

describe("wrong use of the harness", () => {
  const wrong: Record<string, [(t: ReturnType<typeof connected>) => unknown, RegExp]> = {
    "time that goes back": [t => t.advance(-1), /^RangeError: time passes by 0 milliseconds or more, not -1$/],
    "no time at all": [t => t.advance(undefined as never), /time passes by .*, not undefined$/],
    "time in words": [t => t.clock.advance("60" as never), /time passes by .*, not 60$/],
    "no connection for ever": [t => t.expectNoConnection(Number.POSITIVE_INFINITY), /time passes by .*, not Infinity$/],
    "a look ahead of nothing": [t => t.advanceToConnect(Number.NaN), /withinMs is 0 milliseconds or more, not NaN$/],
    "a refusal that is none": [t => t.platform.refuse(0 as never), /refused with 1, 2, 3, 4 or 5, not 0$/],
    "a command named +": [t => t.platform.sendCommand("+"), /iot-2\/cmd\/\+\/fmt\/json is a filter/],
    "QoS 3": [t => t.platform.sendCommand("x", {}, { qos: 3 as never }), /QoS is 0, 1 or 2, not 3$/],
    "data that are a function": [
      t => t.platform.sendCommand("x", () => 1),
      /data of a command are JSON, not a function$/,
    ],
    "a second accept": [t => t.platform.accept(), /no connection waits for an answer; it is connected\n/],
    "no function": [() => testDevice("device.ts" as never), /testDevice starts a function, not device\.ts$/],
    "an unknown option": [() => testDevice(thermometer, { sede: 3 } as never), /testDevice has no option sede$/],
    "an unknown split": [() => testDevice(thermometer, { split: "half" as never }), /split is .*, not half$/],
    "no seed": [() => testDevice(thermometer, { seed: Number.NaN }), /seed is a number, not NaN$/],
    "a clock before its start": [() => testDevice(thermometer, { startMs: -1 }), /startMs is 0\.\.2\^32-1, not -1$/],
  };
  for (const [what, [use, message]] of Object.entries(wrong)) {
    test(`${what} is told`, () => {
      const t = connected();
      assert.throws(() => use(t), message);
      assert.equal(t.now, 0);
      t.advance(60_000).expectEvent("status");
    });
  }
});

test("a simulated day takes no time worth mentioning", () => {
  const t = testDevice(thermometer);
  t.platform.accept({ always: true });
  t.advance(24 * 3_600_000);
  assert.equal(t.events.length, 1440);
});

test("a fast timer is cheap: what the device finds in the engine is lent to it once for all that time", () => {
  const t = testDevice(() => setInterval(() => {}, 100));
  const { defineProperty } = Object;
  let lent = 0;
  Object.defineProperty = (target, ...rest) => {
    if (target === globalThis) lent++;
    return defineProperty(target, ...rest);
  };
  try {
    t.advance(3_600_000);
  } finally {
    Object.defineProperty = defineProperty;
  }
  assert.ok(lent < 100, `${lent}`);
  assert.ok(Math.abs(Date.now() - t.clock.date()) > 1e9, "and it is given back");
});

test("TEST_DEVICE can be changed in part", () => {
  const t = testDevice(({ options }) => new DeviceClient(options).connect(), { options: { id: "t-02", tls: true } });
  t.platform.accept();
  assert.equal(t.platform.connects[0]!.clientId, "d:abc123:thermo:t-02");
  assert.match(t.dialogue, /opens platform.test:1883 \(TLS\)/);
  assert.equal(TEST_DEVICE.id, "t-01");
});

test("a program that goes on with drainCallback sends everything after an outage that filled its outbox", () => {
  const t = testDevice(({ options }) => {
    const client = new DeviceClient({ ...options, limits: { queuedMessages: 5 } });
    let next = 0;
    const publish = () => {
      while (next < 40 && client.publishEvent("count", "json", { next }, 1)) next++;
    };
    client.drainCallback = publish;
    client.connect();
    publish();
    return client;
  });
  t.platform.unreachable("ENETUNREACH", { always: true });
  t.advance(600_000);
  t.platform.accept({ always: true });
  t.advance(180_000);
  for (let n = 0; n < 40; n++) t.expectEvent("count", { next: n });
  t.expectNoEvent("count");
});
