// The flashable app on a board of stand-ins, in a real XS engine: what its console says and what it does when Wi-Fi, time,
// server, identity, memory or flash are not as they should be. An hour takes a moment: the clock is the test's.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT } from "../../support/folder.ts";
import type { BoardSettings, Kept, Report } from "./board/boot.ts";
import { type Board, Firmware, type PROGRAMS } from "./board.ts";

const HOUR = 3600;
const TOKEN = "MP-08VKz";
const WIFI = { ssid: "home", password: "secret99", sntp: "pool.ntp.org", ram: 98304 };
const IDENTITY = { org: "abc123", type: "thermo", id: "t-01", token: TOKEN, host: "192.0.2.7" };
const SECURE = { ...WIFI, ...IDENTITY };
const PLAIN = { ...SECURE, port: "1883", secure: "false" };
const TIME = 1_795_438_856;
/** Around the board: a time server, or none. */
const CLOCK = { time: TIME };
const NO_CLOCK = {};
/** Without TLS, and nothing is wrong. */
const NORMAL = { config: PLAIN, surroundings: CLOCK };
/** DER as far as it is looked at here: a SEQUENCE of three bytes. */
const AUTHORITY = "0\u0003any";
const ONLINE = [
  'Wi-Fi connected to "home"',
  "IP address 192.0.2.31",
  `got unix time ${TIME + 2} from pool.ntp.org`,
] as const;
const CONNECTED = "connected as d:abc123:thermo:t-01";

let firmware: Firmware;
before(async () => {
  firmware = await Firmware.build();
});
after(() => firmware?.remove());

/**
 * Switches a board on; nothing may restart it, and the console never has the token or the password.
 * @param settings what is not as in NORMAL
 */
async function reported(
  settings: Partial<BoardSettings>,
  use: (board: Board) => Promise<void>,
  program: keyof typeof PROGRAMS = "app",
): Promise<Report> {
  const board = await firmware.start(program, { ...NORMAL, ...settings });
  try {
    await use(board);
    const report = await board.report();
    const forbidden = report.lines.filter(
      line => /restart:/.test(line) || line.includes(TOKEN) || line.includes(WIFI.password),
    );
    assert.deepEqual(forbidden, []);
    return report;
  } finally {
    await board.close();
  }
}

async function running(...use: Parameters<typeof reported>): Promise<void> {
  await reported(...use);
}

const without = (lines: string[], pattern: RegExp): string[] => lines.filter(line => !pattern.test(line));
const matching = (lines: string[], pattern: RegExp): string[] => lines.filter(line => pattern.test(line));
const EVENTS = /^event status/;

function gaps(seconds: number[]): number[] {
  return seconds.slice(1).map((second, at) => second - seconds[at]!);
}

/** Each pause is longer than the one before, up to a longest one. */
function assertBackingOff(seconds: number[], longest: number): void {
  const pauses = gaps(seconds);
  assert.ok(pauses.length > 3, `only ${seconds.length} attempts`);
  for (let i = 1; i < pauses.length; i++) {
    const text = `pauses ${pauses}`;
    assert.ok(pauses[i]! <= longest, text);
    assert.ok(pauses[i]! > pauses[i - 1]! || pauses[i]! >= longest - 5, text);
  }
}

/** Lets time pass until the console says `line`. */
async function until(board: Board, line: RegExp, seconds: number, from = 0): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    if (matching((await board.lines()).slice(from), line).length) return;
    await board.seconds(1);
  }
  assert.fail(`no line like ${line} in ${seconds} s`);
}

describe("Wi-Fi", () => {
  test("all is well: address, time, connection, events, commands", async () => {
    const { events, pins } = await reported({}, async board => {
      await board.seconds(15);
      await board.does("command", ["print", '{"message":"hello"}']);
      await board.seconds(1);
      assert.deepEqual(await board.lines(), [
        ...ONLINE,
        'event status {"uptime":0,"memory":121204,"rssi":-58}',
        CONNECTED,
        'event status {"uptime":10,"memory":121204,"rssi":-58}',
        'command print {"message":"hello"}',
        "hello",
      ]);
    });
    assert.equal(events.length, 2);
    assert.deepEqual(pins, []);
  });

  test("no name of a network: one line, and nothing more", async () => {
    const { fired } = await reported({ config: { ...PLAIN, ssid: undefined }, surroundings: NO_CLOCK }, async board => {
      await board.seconds(HOUR);
      // The first is the SDK's.
      assert.deepEqual(await board.lines(), ["No Wi-Fi SSID", "no Wi-Fi: flash again with ssid=… password=…"]);
    });
    assert.equal(fired, 0);
  });

  test("a wrong password: a line for each attempt, which come less and less often; then the right one", async () => {
    const settings = { config: { ...PLAIN, password: "wrong" } };
    const { attempts } = await reported(settings, async board => {
      await board.seconds(HOUR);
      const lines = await board.lines();
      const { attempts } = await board.report();
      assertBackingOff(attempts.slice(1), 63);
      // One of the SDK's, then ours.
      assert.equal(lines[0], "Wi-Fi disconnected");
      assert.equal(
        matching(lines, /^Wi-Fi: no link to "home" \(name, password, or distance\); next try in/).length,
        attempts.length - 1,
      );
      assert.equal(lines.length, attempts.length);
      await board.does("change", { password: "wrong" });
      await board.seconds(70);
      assert.ok((await board.lines()).includes(CONNECTED));
    });
    assert.ok(attempts.length < 65, `${attempts.length} attempts in an hour`);
  });

  test("the access point is off at start: the board comes online when it is there", () =>
    running({ surroundings: { ...CLOCK, accessPoint: false } }, async board => {
      await board.seconds(100);
      assert.deepEqual(matching(await board.lines(), /^event|^connected/), []);
      await board.does("change", { accessPoint: true });
      await board.seconds(70);
      const lines = without(await board.lines(), EVENTS);
      assert.equal(lines.at(-1), CONNECTED);
      assert.equal(matching(lines, /^Wi-Fi: back on "home"$/).length, 1);
    }));

  test("the access point goes away and comes back: the board too, and with it the events of the outage", async () => {
    const { events } = await reported({}, async board => {
      await board.seconds(15);
      await board.does("unplug");
      await board.seconds(HOUR);
      const { lines, attempts, fired } = await board.report();
      assertBackingOff(attempts.slice(1), 63);
      assert.equal(matching(lines, /timed out waiting for an answer from/).length, 1);
      assert.ok(lines.length < 600 && fired < 1200, `${lines.length} lines, ${fired} timers in an hour`);
      await board.does("change", { accessPoint: true });
      await until(board, /^Wi-Fi: back on "home"$/, 64);
      // An attempt that began before may take 18 s to fail; the next one follows at once, not in up to 2 min.
      await board.seconds(21);
      const told = without(await board.lines(), EVENTS);
      assert.equal(matching(told, /^Wi-Fi: back on "home"$/).length, 1);
      assert.equal(told.at(-1), CONNECTED);
    });
    // Of the 360 of the outage, as many as the outbox takes.
    const kept = events.map(event => JSON.parse(event.slice(event.indexOf("{"))).uptime);
    assert.ok(kept.filter(uptime => uptime > 120 && uptime < HOUR).length >= 90, `${kept}`);
  });

  test("when the access point is back, the client does not wait for its own next attempt", () =>
    running({}, async board => {
      await board.seconds(15);
      await board.does("unplug");
      await board.seconds(HOUR);
      const { length } = await board.lines();
      await until(board, /^cannot reach .*; next try in (8|9|1\d)\d s$/, 300, length);
      await board.does("change", { accessPoint: true });
      await until(board, /^Wi-Fi: back on "home"$/, 64);
      await board.seconds(3);
      assert.equal(without(await board.lines(), EVENTS).at(-1), CONNECTED);
    }));

  test("the way from the access point to the server breaks: keep-alive notices, attempts become rarer", async () => {
    const { attempts } = await reported({ config: { ...PLAIN, host: "broker.test" } }, async board => {
      await board.seconds(15);
      await board.does("change", { uplink: false });
      await board.seconds(HOUR);
      const lines = without(without(await board.lines(), EVENTS), /^error: message not accepted/);
      const failures = matching(lines, /^cannot reach broker\.test:1883: no address for this name; next try in \d+ s$/);
      assert.ok(failures.length > 20 && failures.length < 130, `${failures.length} attempts in an hour`);
      assert.equal(lines.length, ONLINE.length + 2 + failures.length);
      await board.does("change", { uplink: true });
      await board.seconds(130);
      assert.equal(without(await board.lines(), EVENTS).at(-1), CONNECTED);
    });
    assert.equal(attempts.length, 1);
  });
});

describe("time", () => {
  const NO_TIME = /^no time from pool\.ntp\.org \(no response from SNTP server\); next try in/;

  test("before TLS: nothing is sent until it is known, and it is asked for less and less often", () =>
    running({ config: SECURE, surroundings: NO_CLOCK }, async board => {
      await board.seconds(HOUR);
      const { lines, connects, fired } = await board.report();
      assert.deepEqual(connects, []);
      const told = await board.lines();
      // The first failure is told by the SDK's set-up.
      assert.deepEqual(told.slice(0, 4), [ONLINE[0], ONLINE[1], "can't get time", told[3]]);
      assert.equal(told.length, 3 + matching(told, NO_TIME).length);
      assertBackingOff(lines.slice(3).map(Number.parseFloat), 325);
      assert.ok(fired < 600, `${fired} timers in an hour`);
      await board.does("change", CLOCK);
      await board.seconds(330);
      const after = without(await board.lines(), EVENTS).slice(told.length);
      assert.match(after[0]!, /^got unix time 17954\d+ from pool.ntp.org$/);
      assert.deepEqual(after.slice(1), [CONNECTED]);
    }));

  test("a time server without an address is told as such", () =>
    running({ config: { ...SECURE, sntp: "time.invalid" }, surroundings: NO_CLOCK }, async board => {
      await board.seconds(60);
      const lines = await board.lines();
      assert.equal(lines[3], "no time from time.invalid (cannot resolve time.invalid); next try in 15 s");
    }));

  test("without TLS the connection does not wait for it", () =>
    running({ surroundings: NO_CLOCK }, async board => {
      await board.seconds(120);
      assert.ok((await board.lines()).includes(CONNECTED));
      await board.does("change", CLOCK);
      await board.seconds(120);
      assert.equal(matching(await board.lines(), /^got unix time/).length, 1);
      assert.equal(matching(await board.lines(), /^connected/).length, 1);
    }));

  test("from a server that is behind the firmware is not believed", () =>
    running({ config: SECURE, surroundings: { time: 1_700_000_000 } }, async board => {
      await board.seconds(60);
      const lines = await board.lines();
      assert.match(
        lines[3]!,
        /^no time from pool\.ntp\.org \(unix time 17000000\d\d is before the build of this firmware\)/,
      );
      assert.deepEqual(matching(lines, /^connected/), []);
      await board.does("change", CLOCK);
      await board.seconds(330);
      assert.ok((await board.lines()).includes(CONNECTED));
    }));

  test("is kept in flash: after a restart without a time server, TLS begins with the last known time", async () => {
    const first = await reported({ config: SECURE }, board => board.seconds(25 * HOUR));
    // At start and a day later.
    assert.ok(first.writes >= 2 && first.writes <= 4, `${first.writes} writes`);
    const kept = Number(String.fromCharCode(...first.kept.clock!.seconds!));
    assert.ok(kept >= TIME + 24 * HOUR && kept <= TIME + 25 * HOUR, `${kept}`);
    const second = await reported({ config: SECURE, surroundings: NO_CLOCK, kept: first.kept }, async board => {
      await board.seconds(60);
      const lines = without(await board.lines(), EVENTS);
      assert.equal(lines[3], `no time from pool.ntp.org: the clock continues at the last known unix time ${kept}`);
      assert.equal(lines[4], CONNECTED);
      await board.does("change", { time: TIME + 48 * HOUR });
      await board.seconds(330);
      assert.equal(matching(await board.lines(), /^got unix time/).length, 1);
    });
    assert.equal(second.connects.length, 1);
  });

  test("in flash from before the firmware is not believed", async () => {
    const kept = { clock: { seconds: [...Buffer.from("1700000000")] } };
    const { connects } = await reported({ config: SECURE, surroundings: NO_CLOCK, kept }, board => board.seconds(HOUR));
    assert.deepEqual(connects, []);
  });

  test("flash that is full is told, and the board goes on", () =>
    running({ free: 1 }, async board => {
      await board.seconds(5);
      const lines = await board.lines();
      assert.equal(matching(lines, /^the clock is not kept in flash: nvs set fail$/).length, 1);
      assert.ok(lines.includes(CONNECTED));
    }));

  test("a clock that is set is not set again", () =>
    running({ config: SECURE, surroundings: NO_CLOCK, date: TIME * 1000 }, async board => {
      await board.seconds(5);
      assert.deepEqual(without(await board.lines(), EVENTS), [ONLINE[0], ONLINE[1], CONNECTED]);
    }));
});

describe("identity", () => {
  const FLASH = "; flash again with org=… type=… id=… token=… host=…";
  const WRONG: [string, Record<string, unknown>, string][] = [
    ["none", {}, "no identity: flash again with org=… type=… id=… token=… host=…, or add identity/device.ini"],
    ["no token", { ...IDENTITY, token: undefined }, `wrong identity: Missing required property: auth-method${FLASH}`],
    ["no type", { ...IDENTITY, type: undefined }, `wrong identity: Missing required property: type${FLASH}`],
    ["no org", { ...IDENTITY, org: undefined }, `wrong identity: Missing required property: org${FLASH}`],
    [
      "a port that is none",
      { ...IDENTITY, port: "mqtt" },
      `wrong identity: port must be a whole number 1..65535, not mqtt${FLASH}`,
    ],
    [
      "a limit that is none",
      { ...PLAIN, frameBytes: "many" },
      `wrong identity: limits.frameBytes must be a whole number 128..268435460, not NaN${FLASH}`,
    ],
  ];
  for (const [name, identity, line] of WRONG) {
    test(`${name}: one line that says so, and nothing more`, async () => {
      const { fired, connects } = await reported({ config: { ...WIFI, ...identity } }, async board => {
        await board.seconds(HOUR);
        assert.deepEqual((await board.lines()).slice(ONLINE.length), [line]);
      });
      // The SDK's time request, and ours that sees that Wi-Fi is there.
      assert.ok(fired < HOUR / 10 + 10 && !connects.length, `${fired} timers`);
    });
  }

  test("from device.ini in the firmware; the command line goes before it", () => {
    const ini = `[device]\norg = abc123\ntype = thermo\nid = t-00\nauth-method = token\nauth-token = ${TOKEN}\nhost = 192.0.2.7\nport = 1883\n`;
    const settings = {
      config: { ...WIFI, id: "t-01" },
      resources: { "device.ini": ini, "ca.pem": "the authority of another server" },
    };
    return running(settings, async board => {
      await board.seconds(5);
      assert.ok((await board.lines()).includes(CONNECTED));
    });
  });

  test("a host and no more: an unregistered device, named after its hardware address", () =>
    running({ config: { ...WIFI, host: "192.0.2.7" } }, async board => {
      await board.seconds(5);
      assert.ok((await board.lines()).includes("connected as d:quickstart:iotf-embedded:240ac4000110"));
    }));

  test("an authority that is no certificate is told, and the board stays quiet", async () => {
    const { connects } = await reported({ config: SECURE, resources: { "ca.pem": "-----BEGIN" } }, async board => {
      await board.seconds(HOUR);
      const lines = without(await board.lines(), EVENTS).slice(ONLINE.length);
      assert.deepEqual(lines, ["stopped: ca must be DER, or PEM with BEGIN CERTIFICATE"]);
    });
    assert.deepEqual(connects, []);
  });
});

describe("the server", () => {
  test("refuses the token: one attempt an hour, until somebody corrects the registration", async () => {
    const { connects } = await reported({}, async board => {
      await board.does("serve", { returnCode: 5 });
      await board.seconds(HOUR);
      const refusal = "refused with CONNACK code 5: not authorized; next try in 1 h";
      assert.deepEqual(without(await board.lines(), EVENTS).slice(ONLINE.length), [refusal]);
      await board.seconds(HOUR);
      await board.does("serve", { returnCode: 0 });
      const { length } = await board.lines();
      await board.seconds(HOUR);
      const lines = (await board.lines()).slice(length);
      // Events begin again with the connection, at their interval.
      assert.deepEqual(without(lines, EVENTS), [CONNECTED]);
      assert.ok(matching(lines, EVENTS).length > 300, `${lines.length} lines`);
    });
    assert.equal(connects.length, 3);
    assert.ok(
      gaps(connects).every(gap => gap === HOUR),
      `${connects}`,
    );
  });

  test("has no capacity: attempts become rarer, and succeed when it has", () =>
    running({}, async board => {
      await board.does("serve", { returnCode: 3 });
      await board.seconds(HOUR);
      const { connects } = await board.report();
      assert.ok(connects.length > 10 && connects.length < 130, `${connects.length} attempts in an hour`);
      assert.ok(
        gaps(connects)
          .slice(-20)
          .every(gap => gap >= 20),
        `${gaps(connects)}`,
      );
      await board.does("serve", { returnCode: 0 });
      await board.seconds(130);
      assert.ok((await board.lines()).includes(CONNECTED));
    }));

  test("does not listen: each attempt is told, and they become rarer", () =>
    running({}, async board => {
      await board.does("serve", { listens: false });
      await board.seconds(HOUR);
      const { lines } = await board.report();
      const told = matching(lines, / cannot reach 192\.0\.2\.7:1883: no connection; next try in \d+ s$/);
      assert.ok(told.length > 10 && told.length < 130, `${told.length} attempts in an hour`);
    }));

  test("hangs up again and again: the client slows down and says why", () =>
    running({}, async board => {
      for (let i = 0; i < 20; i++) {
        await board.does("hangUp");
        await board.seconds(5); // a connection of 10 s or more counts as a good one
      }
      const { connects } = await board.report();
      assert.ok(connects.length < 20, `${connects.length} attempts`);
    }));
});

describe("memory", () => {
  const TOO_LITTLE = /^these limits need (\d+) bytes, the manifest's creation has 98304: raise "static" and "ram"$/;
  for (const [limit, least] of [
    ["frameBytes", 5 * 1e6],
    ["transmitBytes", 1e6],
    ["queuedBytes", 1e6],
  ] as const) {
    test(`${limit} that does not fit: said at start with the number needed, and nothing is begun`, async () => {
      const config = { ...PLAIN, [limit]: "1000000" };
      const { connects } = await reported({ config }, async board => {
        await board.seconds(HOUR);
        const lines = (await board.lines()).slice(ONLINE.length);
        assert.equal(lines.length, 1);
        const needed = Number(TOO_LITTLE.exec(lines[0]!)?.[1]);
        assert.ok(needed > least && needed < least + 98304, lines[0]);
      });
      assert.deepEqual(connects, []);
    });
  }

  test("what the program compares with is what the manifest sets aside", () => {
    const { creation, config } = JSON.parse(readFileSync(join(ROOT, "targets/esp32/manifest.json"), "utf8"));
    assert.equal(config.ram, creation.static);
  });

  test("the limits that are there fit, with TLS too", async () => {
    for (const config of [PLAIN, SECURE]) {
      await running({ config }, async board => {
        await board.seconds(5);
        assert.ok((await board.lines()).includes(CONNECTED));
      });
    }
  });
});

describe("commands", () => {
  /** What the console says after a command. */
  async function told(name: string, text: string, settings: Partial<BoardSettings> = {}, seconds = 3): Promise<Report> {
    return reported(settings, async board => {
      await board.seconds(5);
      await board.does("command", [name, text]);
      await board.seconds(seconds);
    });
  }
  const last = ({ lines }: Report) => lines.at(-1)!.replace(/^\d+ /, "");

  test("blink drives the pin, twice a second, and leaves it dark", async () => {
    const { pins } = await told("blink", '{"times":3}');
    assert.deepEqual(pins, ["2=1", "2=0", "2=1", "2=0", "2=1", "2=0"]);
    assert.deepEqual((await told("blink", "{}")).pins, pins);
  });

  test("blink on the board's own light, or on the pin the board names", async () => {
    assert.deepEqual((await told("blink", '{"times":1}', { led: true })).pins, ["led=1", "led=0"]);
    assert.deepEqual((await told("blink", '{"times":1}', { config: { ...PLAIN, led: { pin: 48 } } })).pins, [
      "48=1",
      "48=0",
    ]);
  });

  test("blink while it blinks begins anew, on the one pin", async () => {
    const { pins, lines } = await reported({}, async board => {
      await board.seconds(5);
      await board.does("command", ["blink", '{"times":100}']);
      await board.seconds(1);
      await board.does("command", ["blink", '{"times":2}']);
      await board.seconds(30);
    });
    assert.deepEqual(matching(lines, /error/), []);
    assert.ok(pins.length < 10 && pins.at(-1) === "2=0", `${pins}`);
  });

  test("blink on a pin that is taken is an error on the console, and life goes on", async () => {
    const { lines } = await reported({}, async board => {
      await board.does("takePin", 2);
      await board.seconds(5);
      await board.does("command", ["blink", "{}"]);
      await board.does("command", ["print", '{"message":"still here"}']);
      await board.seconds(3);
    });
    assert.equal(matching(lines, /error: in use$/).length, 1);
    assert.ok(lines.at(-1)!.endsWith("still here"));
  });

  const REFUSED: [string, string, string][] = [
    ["blink", '{"times":0}', "blink: times is not 1..100"],
    ["blink", '{"times":101}', "blink: times is not 1..100"],
    ["blink", '{"times":"often"}', "blink: times is not 1..100"],
    ["setInterval", '{"interval":0}', "setInterval: interval is missing, or not 0.1..86400 seconds"],
    ["setInterval", '{"interval":0.0001}', "setInterval: interval is missing, or not 0.1..86400 seconds"],
    ["setInterval", "7", "setInterval: interval is missing, or not 0.1..86400 seconds"],
    ["print", "null", "print: message is missing"],
    ["reboot", "{}", "unknown command reboot"],
  ];
  for (const [name, text, line] of REFUSED) {
    test(`${name} ${text} is refused`, async () => {
      const report = await told(name, text);
      assert.equal(last(report), line);
      assert.deepEqual(report.pins, []);
    });
  }

  test("setInterval holds from then on", async () => {
    const { events } = await told("setInterval", '{"interval":1}', {}, 10.5);
    assert.equal(events.length, 11);
  });

  test("example pin: a command drives it, and the device tells", async () => {
    const { pins, events } = await reported(
      {},
      async board => {
        await board.seconds(5);
        await board.does("command", ["switch", '{"on":true}']);
        await board.does("command", ["switch", '{"on":false}']);
        await board.seconds(1);
      },
      "pin",
    );
    assert.deepEqual(pins, ["2=1", "2=0"]);
    assert.deepEqual(events, ['iot-2/evt/switched/fmt/json {"on":true}', 'iot-2/evt/switched/fmt/json {"on":false}']);
  });
});

describe("the examples, where an exception that nobody catches would restart the board", () => {
  for (const program of ["sensor", "pin", "buffering", "codec", "tls"] as const) {
    test(`${program}: a token that is refused ends it, once and for all`, async () => {
      const config = { ...PLAIN, ...(program === "tls" && { port: "8883" }) };
      const settings = { config, resources: { "ca.pem": AUTHORITY } };
      const { connects } = await reported(
        settings,
        async board => {
          await board.does("serve", { returnCode: 5 });
          await board.seconds(HOUR);
          const told = (await board.lines()).slice(ONLINE.length);
          assert.equal(matching(told, /^disconnected: .*not authorized/).length, 1, told.join("\n"));
        },
        program,
      );
      assert.equal(connects.length, 1);
    });

    test(`${program}: a server that is not there is waited for`, () =>
      running(
        { config: { ...PLAIN, port: "8883" }, resources: { "ca.pem": AUTHORITY } },
        async board => {
          await board.does("serve", { listens: false });
          await board.seconds(HOUR);
          await board.does("serve", { listens: true });
          await board.seconds(70);
          assert.ok((await board.lines()).includes(CONNECTED));
        },
        program,
      ));
  }

  test("tls: an authority that is no certificate ends it", () =>
    running(
      { config: { ...PLAIN, port: "8883" }, resources: { "ca.pem": "-----BEGIN" } },
      async board => {
        await board.seconds(HOUR);
        const told = (await board.lines()).slice(ONLINE.length);
        assert.deepEqual(told, ["disconnected: ca must be DER, or PEM with BEGIN CERTIFICATE"]);
      },
      "tls",
    ));
});

describe("messages in flash (example buffering)", () => {
  const NO_SERVER = { ...CLOCK, uplink: false };

  /** One life of the board; `kept` is what the life before left in its flash. */
  const life = (kept: Kept, surroundings: object, more: Partial<BoardSettings> = {}) =>
    reported({ surroundings, kept, ...more }, board => board.seconds(60), "buffering");

  test("events of lives without a connection arrive in the first that has one, and leave the flash", async () => {
    const first = await life({}, NO_SERVER);
    assert.equal(matching(first.lines, / kept$/).length, 1);
    assert.equal(Object.keys(first.kept.buffering!).length, 1);
    const second = await life(first.kept, NO_SERVER);
    assert.equal(Object.keys(second.kept.buffering!).length, 2);
    const third = await life(second.kept, CLOCK);
    assert.equal(third.events.length, 3);
    for (const event of third.events) assert.match(event, /^iot-2\/evt\/started\/fmt\/json \{"at":"20/);
    assert.deepEqual(third.kept.buffering, {});
  });

  test("flash without room: the event is refused, the board goes on", async () => {
    const { lines, kept } = await life({}, CLOCK, { free: 1 });
    assert.equal(matching(lines, /nvs set fail/).length, 1, lines.join("\n"));
    assert.equal(matching(lines, / kept$/).length, 0);
    assert.equal(matching(lines, new RegExp(CONNECTED)).length, 1);
    assert.deepEqual(kept, {});
  });

  test("a damaged record is told and left behind; the others arrive", async () => {
    const first = await life({}, NO_SERVER);
    const [key] = Object.keys(first.kept.buffering!);
    const kept = { buffering: { ...first.kept.buffering, [`${key!.charAt(0)}2`]: [0, 1, 2] } };
    const { events, lines } = await life(kept, CLOCK);
    assert.equal(events.length, 2, lines.join("\n"));
  });
});

describe("updates over the air (flash --firmware-key)", () => {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const resources = { "firmware.der": publicKey.export({ type: "spki", format: "pem" }) as string };
  const config = { ...PLAIN, version: "1.3.0" };
  /** An entry of ESP-IDF that selects the second slot. */
  const entry = (state: number) => [2, 0, 0, 0, ...new Array(20).fill(0xff), state, 0, 0, 0, 0x74, 0x37, 0xf6, 0x55];
  const [PENDING, VALID, ERASED] = [entry(1), entry(2), new Array(32).fill(0xff)];
  const updatable = (settings: Partial<BoardSettings>, use: (board: Board) => Promise<void>) =>
    reported({ config, resources, ...settings }, use, "updatable");

  /** `d` of the manage request. */
  function manageRequest(events: string[]) {
    const manage = events.find(event => event.startsWith("iotdevice-1/mgmt/manage"))!;
    return JSON.parse(manage.slice(manage.indexOf("{"))).d;
  }

  test("the device is managed and takes firmware", async () => {
    const { events, otadata } = await updatable({ otadata: ERASED }, board => board.seconds(5));
    const { supports, deviceInfo } = manageRequest(events);
    assert.equal(supports.firmwareActions, true);
    assert.deepEqual(deviceInfo, { fwVersion: "1.3.0" });
    assert.deepEqual(otadata, ERASED);
  });

  test("a new firmware that connects stays", async () => {
    const { otadata } = await updatable({ otadata: PENDING }, async board => {
      await board.seconds(2 * HOUR);
      const lines = await board.lines();
      assert.ok(lines.includes("firmware: new; goes back unless it connects within 5 min"), `${lines}`);
      assert.ok(!lines.includes("the board restarts"));
    });
    assert.deepEqual(otadata, VALID);
  });

  test("a new firmware that cannot connect goes back after 5 min", async () => {
    const { otadata } = await updatable({ otadata: PENDING }, async board => {
      await board.does("serve", { listens: false });
      await board.seconds(290);
      assert.equal((await board.lines()).includes("the board restarts"), false);
      await board.seconds(20);
      const lines = await board.lines();
      assert.ok(lines.includes("firmware: goes back to the one before: no connection within 5 min"), `${lines}`);
      assert.ok(lines.includes("the board restarts"));
    });
    assert.deepEqual(otadata, ERASED);
  });

  for (const [name, settings] of [
    ["that gets no Wi-Fi", { surroundings: { ...CLOCK, accessPoint: false } }],
    ["with a wrong identity", { config: { ...config, port: "mqtt" } }],
    ["without a version", { config: PLAIN }],
    ["with a key that is none", { resources: { "firmware.der": "none" } }],
    ["with limits that are none", { config: { ...config, frameBytes: "none" } }],
  ] as const) {
    test(`a new firmware ${name} goes back after 5 min`, async () => {
      const { otadata } = await updatable({ otadata: PENDING, ...settings }, async board => {
        await board.seconds(310);
        assert.ok((await board.lines()).includes("the board restarts"));
      });
      assert.deepEqual(otadata, ERASED);
    });
  }

  test("in the simulator, without a second slot: managed, without firmware actions", async () => {
    const { events } = await updatable({}, board => board.seconds(5));
    assert.ok(!manageRequest(events).supports.firmwareActions);
  });

  test("without a version, a key or a second slot: one line that says so, and the device connects", async () => {
    for (const [settings, line] of [
      [{ config: PLAIN }, /^no updates: version must be 1 to 4 numbers with dots, like 1\.3\.0, not undefined$/],
      [{ resources: { "firmware.der": "none" } }, /^no updates: key must be DER, or PEM with BEGIN PUBLIC KEY$/],
      [{ oneSlot: true }, /^no updates: this board has no second slot: flash it once more by USB$/],
    ] as const) {
      const { events } = await updatable({ otadata: ERASED, ...settings }, async board => {
        await board.seconds(5);
        const lines = await board.lines();
        assert.equal(matching(lines, line).length, 1, `${lines}`);
        assert.ok(lines.includes(CONNECTED));
      });
      assert.ok(!manageRequest(events).supports.firmwareActions);
    }
  });
});
