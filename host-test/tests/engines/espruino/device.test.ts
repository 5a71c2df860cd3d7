// The whole way in a real Espruino: the library from its Storage over its own sockets, against the local platform and
// against Mosquitto.

import assert from "node:assert/strict";
import { test } from "node:test";
import { describeWholeWay, TOKEN } from "../../end-to-end/broker/whole-way.ts";
import { withoutEspruino } from "./engine.ts";
import { deviceOptions, startSubject } from "./subject.ts";

describeWholeWay(
  "device in Espruino",
  { skip: withoutEspruino(), timeout: 120_000, text: "grüße", ownJson: true },
  (port, calls) => startSubject(deviceOptions(port, TOKEN), calls),
  way => {
    test("an event that does not fit the transmit buffer arrives whole", async () => {
      await way.engine.evaluate(`functions.big = function() {
        var data = new Array(3001).join("x");
        return functions.publish({ event: "big", data: data, qos: 1 });
      }`);
      await way.engine.invoke("big");
      assert.equal((await way.events.next()).payload, `"${"x".repeat(3000)}"`);
    });

    test("a command in many pieces arrives whole; one larger than frameBytes is reported, and the next one arrives", async () => {
      await way.print(JSON.stringify("x".repeat(1900)));
      await way.assertPrinted("x".repeat(1900));
      await way.print(JSON.stringify("x".repeat(7000)));
      await way.print('"small"');
      await way.assertPrinted("small");
      await way.assertFailed(/command on iot-2\/cmd\/print\/fmt\/json of 70\d\d bytes exceeds limits.frameBytes$/);
    });

    test("text beyond U+00FF arrives as question marks, the rest of the command whole", async () => {
      await way.print('{"a":"21 °C, 5 €","b":1}');
      await way.assertPrinted({ a: "21 °C, 5 ?", b: 1 });
    });

    test("the server restarts: it connects again by itself, sends what was queued, hears commands", async () => {
      await way.application!.endAsync(true);
      await way.server.restart();
      await way.assertLost();
      await way.listen();
      const published = way.publish("status", "queued while away");
      while ((await way.inbox.told.next())[0] !== "connected");
      await published;
      assert.equal((await way.events.next()).payload, '"queued while away"');
      await way.print('"again"');
      await way.assertPrinted("again");
    });
  },
);
