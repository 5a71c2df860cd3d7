// Tests of the thermostat: on Node by `npm test`, in the XS engine of the board by `npm run test:xs`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type TestDevice, type TestOptions, testDevice } from "iotf-embedded/testing";
import { thermostat } from "./thermostat.ts";

/** A room and what is on its wall, in place of the hardware. */
class Room {
  celsius = 20;
  heater = false;
  lamp = "dark";
}

function switchOn(options: TestOptions = {}): TestDevice<Room> {
  const room = new Room();
  return testDevice(board => {
    thermostat(board, {
      readCelsius: () => room.celsius,
      heat: on => {
        room.heater = on;
      },
      lamp: colour => {
        room.lamp = colour;
      },
    });
    return room;
  }, options);
}

function connected(options: TestOptions = {}): TestDevice<Room> {
  const t = switchOn(options);
  t.platform.accept();
  return t;
}

test("reports the temperature every minute", () => {
  const t = connected();
  t.expectEvent("temperature", { celsius: 20 });
  t.program.celsius = 21.5;
  t.advance(59_999).expectNoEvent();
  t.advance(1).expectEvent("temperature", { celsius: 21.5 });
});

test("reports more often when it is told to", () => {
  const t = connected();
  t.platform.sendCommand("setInterval", { seconds: 10 });
  t.advance(60_000);
  assert.equal(t.events.length, 7);
});

test("heats below the target, and says so", () => {
  const t = connected();
  t.platform.sendCommand("setTarget", { celsius: 22 });
  assert.equal(t.program.heater, true);
  t.expectEvent("heating", { on: true }, { qos: 1 });
  t.program.celsius = 22;
  t.advance(60_000).expectEvent("heating", { on: false });
  assert.equal(t.program.heater, false);
});

test("does not take nonsense for a command", () => {
  const t = connected();
  t.platform.sendCommand("setInterval", { seconds: -1 }).sendCommand("setTarget", null);
  t.expectEvent("misunderstood", { command: "setInterval", data: { seconds: -1 } });
  t.expectEvent("misunderstood", { command: "setTarget", data: null });
  t.advance(60_000);
  assert.equal(t.program.heater, false);
});

test("hears commands that were sent while it was away", () => {
  const t = connected();
  t.link.ends("ECONNRESET");
  assert.equal(t.program.lamp, "yellow");
  t.platform.sendCommand("setTarget", { celsius: 25 });
  t.advanceToConnect();
  t.platform.accept();
  assert.equal(t.program.lamp, "green");
  t.expectEvent("heating", { on: true });
});

test("a platform that has lost its sessions is subscribed to again", () => {
  const t = connected();
  t.platform.restart();
  t.advanceToConnect();
  t.platform.accept().sendCommand("setTarget", { celsius: 25 });
  assert.equal(t.program.heater, true);
});

test("reports the state of the heating after a night without network", () => {
  const t = connected({ options: { limits: { queuedMessages: 10 } } });
  t.platform.sendCommand("setTarget", { celsius: 20.5 });
  t.expectEvent("heating", { on: true });
  t.platform.unreachable("ENETUNREACH", { always: true }).closeConnection();
  t.advance(8 * 3_600_000);
  t.program.celsius = 21;
  t.advance(60_000);
  assert.equal(t.program.heater, false);
  t.platform.accept({ always: true });
  t.advance(180_000).expectEvent("heating", { on: false });
});

test("says it again when the confirmation was lost", () => {
  const t = connected();
  t.platform.dropAcknowledgement().sendCommand("setTarget", { celsius: 25 });
  t.expectEvent("heating", { on: true });
  t.link.ends("ECONNRESET");
  t.advanceToConnect();
  t.platform.accept();
  assert.equal(t.expectEvent("heating", { on: true }).dup, true);
});

test("shows a red lamp, and stops, when its token is refused", () => {
  const t = switchOn();
  t.platform.refuse(5);
  assert.equal(t.program.lamp, "red");
  t.expectNoConnection(24 * 3_600_000);
});

test("works however the bytes come, and is never thrown out", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const t = connected({ seed, split: "random" });
    t.platform.sendCommand("setTarget", { celsius: 25 });
    t.expectEvent("heating", { on: true });
    t.expectNoViolation();
  }
});
