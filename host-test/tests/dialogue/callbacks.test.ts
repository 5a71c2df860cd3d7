// An application's callbacks may throw, publish, disconnect and connect: the client stays whole, and says what was thrown.

import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "../../harness/testing/bytes.ts";
import { command, connack, pingresp, puback, pubcomp, publish, pubrec, suback } from "../../harness/testing/frames.ts";
import { device, mqtt, readyDevice, readyMqtt, type Stage } from "../support/device.ts";
import { noise } from "../support/feed-all-ways.ts";
import { filters } from "../support/filters.ts";
import type { MqttClient } from "../support/subject.ts";
import { retried } from "./steps.ts";

const BYTE = utf8("x");

/** Makes the callback do `act` besides what it did. */
type Hook = (stage: Stage<MqttClient>, act: () => void) => void;

function after<K extends "connectedCallback" | "disconnectedCallback" | "messageCallback" | "oversizeCallback">(
  name: K,
): Hook {
  return (stage, act) => {
    const client = stage.client as unknown as Record<string, (...given: unknown[]) => void>;
    const before = client[name]!;
    client[name] = (...given) => {
      before(...given);
      act();
    };
  };
}

// Where application code runs: how it gets there, and how the test makes it run once, if it has not run by then.
const PLACES: Record<string, { hook: Hook; run: (stage: Stage<MqttClient>) => void }> = {
  connectedCallback: { hook: after("connectedCallback"), run: stage => void stage.reconnected(true) },
  disconnectedCallback: { hook: after("disconnectedCallback"), run: stage => stage.link.ends("cut") },
  "disconnectedCallback on a protocol error": {
    hook: after("disconnectedCallback"),
    run: stage => stage.link.receives(connack(), publish("behind", "x")),
  },
  messageCallback: {
    hook: after("messageCallback"),
    run: stage => stage.link.receives(publish("t", "m", { qos: 1, id: 9 })),
  },
  oversizeCallback: {
    hook: after("oversizeCallback"),
    run: stage => stage.link.receives(publish("t", noise(9000), { qos: 1, id: 9 })),
  },
  "done of QoS 0, from inside publish": {
    hook: (stage, act) => void stage.client.publish("t", BYTE, 0, false, act),
    run: () => {},
  },
  "done of QoS 0, from the outbox": {
    hook: (stage, act) => {
      stage.link.room = 0;
      while (stage.client.publish("t", noise(100)) && stage.client.counters.queued === 0) {}
      stage.client.publish("t", BYTE, 0, false, act);
    },
    run: stage => stage.link.drains(),
  },
  "done of QoS 0, when a PINGREQ finds room": {
    hook: (stage, act) => {
      stage.clock.advance(30_000);
      stage.link.room = 0;
      while (stage.client.publish("t", noise(100)) && stage.client.counters.queued === 0) {}
      stage.client.publish("t", BYTE, 0, false, act);
      stage.link.drains(50);
      stage.link.receives(pingresp());
      stage.clock.advance(30_000);
      // A tick in which bytes leave and none arrive ends with PINGREQ; nobody has said yet that there is room.
      stage.link.drains(50);
      stage.link.room = 100_000;
      stage.clock.advance(29_999);
    },
    run: stage => stage.clock.advance(1),
  },
  "done of QoS 0, after a large payload": {
    hook: (stage, act) => {
      stage.link.room = 100;
      stage.client.publish("t", noise(3000), 0, false, act);
    },
    run: stage => stage.link.drains(),
  },
  "done of QoS 1": {
    hook: (stage, act) => void stage.client.publish("t", BYTE, 1, false, act),
    run: stage => stage.link.receives(puback(1)),
  },
  "done of SUBSCRIBE": {
    hook: (stage, act) => void stage.client.subscribe(filters(0, "f"), act),
    run: stage => stage.link.receives(suback(1, 0)),
  },
  "done of a dropped message": {
    hook: (stage, act) => void stage.client.publish("t", BYTE, 1, false, act),
    run: stage => {
      stage.link.ends();
      stage.clock.jumpToNext();
      stage.link.opens();
      stage.link.receives(connack(5));
    },
  },
  "done of disconnect": { hook: (stage, act) => stage.client.disconnect(act), run: () => {} },
};

// Whatever happened before, the client can be brought back and works: both ways, acknowledged, one timer.
function works(stage: Stage<MqttClient>, place: string): void {
  const { client } = stage;
  stage.client.connectedCallback = undefined;
  stage.client.disconnectedCallback = undefined;
  stage.client.messageCallback = ({ topic }) => stage.note(`message ${topic}`);
  for (let n = 0; n < 5 && !client.connected; n++) {
    client.connect();
    if (client.stateName === "reconnect-wait") stage.clock.jumpToNext();
    if (client.stateName === "opening") stage.link.opens();
    if (client.stateName === "awaiting-connack") stage.link.receives(connack(0, true));
  }
  assert.equal(client.connected, true, place);
  stage.quiet();
  stage.link.receives(publish("alive", "x", { qos: 1, id: 77 }));
  assert.deepEqual(stage.heard(), ["message alive"], place);
  assert.ok(stage.said().includes("PUBACK #77"), place);
  assert.equal(client.publish("t", utf8("alive"), 0, false, stage.done("alive")), true, place);
  assert.deepEqual(stage.heard(), ["done alive"], place);
  assert.match(stage.said().join("\n"), /t alive$/m, place);
  assert.equal(stage.unfinished, 0, place);
  assert.equal(stage.clock.pending.length, 1, place);
  stage.clock.advance(30_000);
  stage.link.receives(pingresp());
  assert.equal(client.connected, true, place);
}

const ACTS: Record<string, (stage: Stage<MqttClient>) => void> = {
  throws: () => {
    throw new Error("own");
  },
  publishes: stage => {
    stage.client.publish("t", BYTE, 0);
    stage.client.publish("t", BYTE, 1);
    stage.client.publish("t", noise(3000), 2);
  },
  disconnects: stage => stage.client.disconnect(),
  "disconnects and connects": stage => {
    stage.client.disconnect();
    stage.client.connect();
  },
  connects: stage => stage.client.connect(),
  subscribes: stage => {
    stage.client.subscribe(filters(1, "n"));
    stage.client.unsubscribe(["n"]);
  },
};

for (const [what, act] of Object.entries(ACTS)) {
  for (const [place, { hook, run }] of Object.entries(PLACES)) {
    test(`${place} ${what}: the client stays whole`, () => {
      const stage = readyMqtt({ clean: false });
      let ran = 0;
      const once = () => {
        if (ran++ === 0) act(stage);
      };
      hook(stage, once);
      run(stage);
      assert.ok(ran > 0, "it ran");
      const { stateName } = stage.client;
      if (stateName === "idle") assert.deepEqual(stage.clock.pending, [], "no timer stays");
      if (stateName === "disconnecting") assert.ok(stage.clock.pending[0]! <= 5000, "it ends soon");
      const reported = stage.errors.some(error => error.message === "own");
      assert.equal(reported, what === "throws", "what it threw was reported");
      works(stage, place);
    });
  }
}

test("a callback that throws costs neither the acknowledgement nor the rest of the chunk", () => {
  const stage = readyMqtt();
  stage.client.messageCallback = ({ topic }) => {
    stage.note(topic);
    throw new Error(`no ${topic}`);
  };
  stage.link.receives(publish("a", "", { qos: 1, id: 1 }), publish("b", "", { qos: 2, id: 2 }), publish("c", ""));
  assert.deepEqual(stage.heard(), ["a", "error no a", "b", "error no b", "c", "error no c"]);
  assert.deepEqual(stage.said(), ["PUBACK #1", "PUBREC #2"]);
});

test("a message's payload is acknowledged after the callback has returned, not before", () => {
  const stage = readyMqtt();
  let writesInside = -1;
  stage.client.messageCallback = () => {
    writesInside = stage.link.writes.length;
  };
  stage.link.receives(publish("a", "", { qos: 1, id: 1 }));
  assert.equal(stage.link.writes.length, writesInside + 1);
});

test("errorCallback that throws, or is not there, harms nothing", () => {
  for (const errorCallback of [undefined, () => assert.fail("again")]) {
    const stage = readyMqtt();
    stage.client.errorCallback = errorCallback;
    stage.client.messageCallback = () => assert.fail("own");
    stage.link.receives(publish("a", "", { qos: 1, id: 1 }), publish("b", "", { qos: 1, id: 2 }));
    assert.deepEqual(stage.said(), ["PUBACK #1", "PUBACK #2"]);
    works(stage, "errorCallback");
  }
});

test("a refusal too deep in errorCallback to be reported does not keep the next one from being reported", () => {
  const stage = readyMqtt();
  const { client } = stage;
  const heard: string[] = [];
  const refused = () => assert.equal(client.publish("t", utf8("x"), 0, false), false);
  client.disconnectedCallback = (_, retryMs) => {
    throw new Error(retryMs < 0 ? "second" : "first");
  };
  client.errorCallback = error => {
    heard.push(error.message);
    if (error.message === "first") client.disconnect();
    if (error.message === "second") refused();
  };
  stage.link.ends();
  assert.deepEqual(heard.splice(0), ["first", "second"]);
  refused();
  refused();
  assert.deepEqual(heard, ["message not accepted: call connect() again"]);
});

test("one `done` of disconnect that throws does not keep the other from being told", () => {
  const stage = readyMqtt();
  stage.client.publish("t", BYTE, 1);
  stage.client.disconnect(() => assert.fail("own"));
  stage.client.disconnect(() => stage.note("second"));
  stage.clock.advance(5_000);
  assert.equal(stage.heard().pop(), "second");
});

test("disconnect() from inside `done`, while the outbox leaves after CONNACK: connectedCallback is not told any more", () => {
  const stage = mqtt();
  stage.client.connect();
  stage.client.publish("t", BYTE, 0, false, () => stage.client.disconnect());
  stage.accepted();
  assert.deepEqual(stage.heard(), ["disconnected, for good"]);
  assert.deepEqual(stage.said(), ["CONNECT plain clean", "PUBLISH q0 t x", "DISCONNECT"]);
});

test("connect() from inside disconnectedCallback: the rest of the old chunk is not taken for the new connection's", () => {
  const stage = readyMqtt();
  stage.client.disconnectedCallback = () => stage.client.connect();
  stage.link.receives(connack(), connack(), publish("old", "x", { qos: 1, id: 1 }));
  assert.equal(stage.net.links.length, 1);
  assert.equal(stage.clock.jumpToNext(), 1000);
  assert.equal(stage.net.links.length, 2);
  assert.deepEqual(stage.heard(), []);
  stage.accepted();
  stage.link.receives(publish("new", "x"));
  assert.deepEqual(stage.heard(), ["connected", "message new x q0"]);
});

test("a device's callbacks that throw are reported, commands acknowledged, and events go on", () => {
  const stage = device();
  const thrower = (name: string) => () => {
    throw new Error(`own ${name}`);
  };
  stage.client.connectedCallback = thrower("connected");
  stage.client.commandCallback = thrower("command");
  stage.client.disconnectedCallback = thrower("disconnected");
  stage.connected();
  stage.client.publishEvent("e", "json", 1, 1, thrower("publish"));
  stage.quiet().link.receives(suback(1, 1), command("c", "1", { qos: 2, id: 3 }), puback(2));
  assert.deepEqual(stage.said(), ["PUBREC #3"]);
  stage.link.ends();
  assert.deepEqual(stage.heard(), ["error own command", "error own publish", "error own disconnected"]);
  retried(stage);
  assert.equal(stage.client.connected, true);
});

test("a command may be answered with an event, and end the program", () => {
  const stage = readyDevice();
  stage.client.commandCallback = () => {
    stage.client.publishEvent("answer", "json", 1, 1);
    stage.client.disconnect();
  };
  stage.link.receives(command("c", "1", { qos: 1, id: 3 }));
  assert.deepEqual(stage.said(), ["PUBLISH #2 q1 iot-2/evt/answer/fmt/json 1", "PUBACK #3"]);
  stage.link.receives(puback(2));
  assert.deepEqual(stage.said(), ["DISCONNECT"]);
});

test("`done` is called once each, whatever way a message takes", () => {
  const stage = mqtt({ clean: false });
  const counts: number[] = Array(30).fill(0);
  stage.client.connect();
  for (let n = 0; n < 30; n++) {
    stage.client.publish("t", n % 7 ? BYTE : noise(1200), (n % 3) as 0 | 1 | 2, false, () => void counts[n]!++);
  }
  stage.accepted();
  for (let round = 0; round < 40; round++) {
    for (const { cmd, messageId, qos } of stage.packets()) {
      if (cmd === "publish" && qos === 1) stage.link.receives(puback(messageId!));
      if (cmd === "publish" && qos === 2) stage.link.receives(pubrec(messageId!), pubrec(messageId!));
      if (cmd === "pubrel") stage.link.receives(pubcomp(messageId!));
    }
    if (round % 10 === 3) stage.reconnected(round % 20 === 3);
  }
  stage.client.disconnect();
  assert.deepEqual(counts, Array(30).fill(1));
});
