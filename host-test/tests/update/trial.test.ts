// A new firmware on trial, two updates at once, restarts in the middle, flash that fails, the boot sectors, options.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import type { InstallListener, PreviousStart } from "../../../src/device/managed/types.ts";
import { ConfigurationException } from "../../../src/index.ts";
import { publicDer } from "../../../targets/esp32/firmware-key.ts";
import { authority } from "../../../targets/moddable/authority.ts";
import { confirmSelected, crcOf, deselect, selected } from "../../../targets/moddable/update/boot.ts";
import { compareVersions, headerLength, isVersion } from "../../../targets/moddable/update/image.ts";
import type { UpdateOptions } from "../../../targets/moddable/update/installer.ts";
import { UpdateRecord } from "../../../targets/moddable/update/record.ts";
import { parseUri } from "../../../targets/moddable/update/uri.ts";
import { imageOf, TestBoard, URI } from "./board.ts";
import { fileOf, NEXT, nodeEngine, OLD, publicKey, SIZE } from "./files.ts";
import { Hardware, SECTOR } from "./hardware.ts";
import { FileServer } from "./server.ts";

const MINUTE = 60_000;
const LEFT = {
  nothing: { state: 0, updateStatus: 0 },
  downloaded: { state: 2, updateStatus: 0, version: NEXT.version },
  interrupted: { state: 0, updateStatus: 3, finished: true },
  updated: { state: 0, updateStatus: 0, version: NEXT.version, finished: true },
  wentBack: { state: 0, updateStatus: 5, finished: true },
} as const;

const IDLE = { uri: URI, state: 0, updateStatus: 0 } as const;
const DOWNLOADED = { ...IDLE, state: 2 } as const;
const SILENT: InstallListener = { progress() {}, done() {} };
const throws = (message: string) => () => {
  throw new Error(message);
};
const bootloader = (rollback: boolean) => `bootloader ${rollback ? "with" : "without"} rollback`;

/** A board that runs OLD. @param options read again at each start */
function boardWith(options: Partial<UpdateOptions> = {}, rollback = true, file = fileOf(NEXT)): TestBoard {
  if (!("key" in options)) options.key = publicKey;
  const board = new TestBoard(nodeEngine, options, [OLD, NEXT], new FileServer(file), rollback);
  board.hardware.install(0, OLD.image);
  board.start();
  return board;
}

/** A board that has downloaded its new firmware. */
function downloaded(options: Partial<UpdateOptions> = {}, rollback = true): TestBoard {
  const board = boardWith(options, rollback);
  board.download();
  return board;
}

function assertRuns(board: TestBoard, { version }: { version: string }, left: PreviousStart, when?: string): void {
  assert.deepEqual([board.version, board.installer.previousStart], [version, left], when);
}

/** What runs after the board was switched off and on. */
function assertRestarts(...expected: Parameters<typeof assertRuns>): void {
  restart(expected[0]);
  assertRuns(...expected);
}

/** A board that has started its new firmware. */
function onTrial(options: Partial<UpdateOptions> = {}, rollback = true): TestBoard {
  const board = downloaded(options, rollback);
  board.update();
  assert.deepEqual([board.restarts, board.heard.at(-1)], [true, "progress 100"]);
  board.start();
  assertRuns(board, NEXT, LEFT.updated);
  assert.equal(board.installer.onTrial, true);
  return board;
}

function restart(board: TestBoard): void {
  board.hardware.off();
  board.start();
  if (board.restarts) board.start();
}

for (const rollback of [true, false]) {
  describe(`a new firmware, ${bootloader(rollback)}`, () => {
    test("confirmed within 5 min: stays", () => {
      const board = onTrial({}, rollback);
      board.clock.advance(5 * MINUTE - 1);
      assert.equal(board.installer.confirm(), true);
      assert.deepEqual(board.clock.pending, []);
      assertRestarts(board, NEXT, LEFT.updated, "not told yet");
      assert.equal(board.installer.onTrial, false);
      board.installer.told();
      assertRestarts(board, NEXT, LEFT.nothing);
      assert.equal(board.installer.onTrial, false);
    });

    test("not confirmed within 5 min: goes back, and says so until that is told", () => {
      const board = onTrial({}, rollback);
      board.clock.advance(5 * MINUTE);
      assert.equal(board.restarts, true);
      board.start();
      assertRuns(board, OLD, LEFT.wentBack);
      assertRestarts(board, OLD, LEFT.wentBack);
      board.installer.confirm();
      assertRestarts(board, OLD, LEFT.wentBack, "connected only");
      board.installer.told();
      assertRestarts(board, OLD, LEFT.nothing);
    });

    test("minutes of the option", () => {
      const board = onTrial({ confirmMinutes: 1 }, rollback);
      board.clock.advance(MINUTE - 1);
      assert.equal(board.restarts, false);
      board.clock.advance(1);
      assert.equal(board.restarts, true);
    });

    test("restarts before it is confirmed: goes back", () => {
      const board = onTrial({}, rollback);
      assertRestarts(board, OLD, LEFT.wentBack);
    });

    test("accepts no download until it is confirmed: the slot has the firmware to go back to", () => {
      const board = onTrial({}, rollback);
      for (const step of ["download", "update"] as const) {
        board[step]();
        assert.deepEqual(board.heard, ["done 5", "the running firmware is not confirmed yet"]);
      }
      assert.deepEqual(board.hardware.slots[0]!.slice(0, SIZE), OLD.image);
      board.installer.confirm();
      board.server.file = fileOf({ version: "1.11.0", image: imageOf("1.11.0", SIZE) });
      board.download();
      assert.equal(board.status, 0);
    });

    test("the bootloader finds no image in the slot: the old one goes on, and the slot is selected no more", () => {
      const board = boardWith({}, rollback);
      board.hardware.refuses = slot => slot[100] === NEXT.image[100];
      board.download();
      board.update();
      board.start();
      assertRuns(board, OLD, LEFT.wentBack);
      // A download writes half of the slot; then a bootloader that checks nothing starts what is selected.
      board.confirm();
      board.told();
      board.server.faults[1] = { stallAfter: SECTOR + 200 };
      board.server.always = { unreachable: true };
      board.hardware.refuses = () => false;
      board.download();
      restart(board);
      assert.equal(board.version, OLD.version);
    });

    test("its record was lost: confirmed as well, or it goes back", () => {
      const board = onTrial({}, rollback);
      board.hardware.nvs.clear();
      restart(board);
      // With rollback the bootloader has gone back. Without, nobody knows of a trial.
      assert.equal(board.version, rollback ? OLD.version : NEXT.version);
      assert.deepEqual(board.installer.previousStart, LEFT.nothing);
    });
  });

  test(`the second update does not connect, ${bootloader(rollback)}: the first stays`, () => {
    const third = { version: "1.11.0", image: imageOf("1.11.0", SIZE) };
    for (const how of ["waits", "restarts"] as const) {
      const board = onTrial({}, rollback);
      board.confirm();
      board.builds.push(third);
      board.server.file = fileOf(third);
      board.download();
      board.update();
      board.start();
      assert.equal(board.version, third.version);
      if (how === "waits") {
        board.clock.advance(5 * MINUTE);
        board.start();
      } else assertRestarts(board, NEXT, LEFT.wentBack);
      board.confirm();
      board.told();
      assertRestarts(board, NEXT, LEFT.nothing);
    }
  });

  test(`the power fails in told(), ${bootloader(rollback)}: confirmed stays`, () => {
    const board = onTrial({}, rollback);
    board.confirm();
    [board.hardware.steps, board.hardware.failAt] = [0, 1];
    assert.equal(board.told(), false);
    board.hardware.failAt = Number.POSITIVE_INFINITY;
    assertRestarts(board, NEXT, LEFT.updated);
    assert.deepEqual([board.installer.onTrial, board.clock.pending], [false, []]);
  });
}

describe("a confirmation that cannot be written", () => {
  for (const rollback of [true, false]) {
    for (const how of ["erase", "write"] as const) {
      test(`${how} fails, ${bootloader(rollback)}: written 10 s later`, () => {
        const board = onTrial({}, rollback);
        board.hardware.bootFails = how;
        assert.equal(board.installer.confirm(), false);
        assert.equal(board.lines.at(-1), `firmware: cannot confirm, next try in 10 s: ${how} failed`);
        board.clock.advance(10_000);
        board.installer.told(); // The trial needs the record.
        assert.equal(new UpdateRecord(board.hardware.store()).progress?.phase, "trial");
        board.hardware.bootFails = undefined;
        board.clock.advance(9999);
        assert.equal(board.installer.onTrial, true);
        board.clock.advance(1);
        assert.deepEqual([board.installer.onTrial, board.clock.pending], [false, []]);
        assertRestarts(board, NEXT, LEFT.nothing);
      });

      test(`${how} always fails, ${bootloader(rollback)}: goes back`, () => {
        const board = onTrial({}, rollback);
        board.hardware.bootFails = how;
        board.installer.confirm();
        if (how === "erase") board.clock.advance(5 * MINUTE - 1);
        board.hardware.bootFails = how === "erase" ? undefined : how;
        board.installer.confirm = () => false; // the last attempt would succeed
        board.clock.advance(5 * MINUTE);
        assert.deepEqual([board.restarts, board.clock.pending], [true, []]);
        board.start();
        assertRuns(board, OLD, LEFT.wentBack);
      });
    }
  }
});

describe("a start on trial with flash that fails", () => {
  function started(fail: (board: TestBoard) => unknown, clear: (board: TestBoard) => unknown): TestBoard {
    const board = downloaded();
    board.update();
    fail(board);
    board.start();
    clear(board);
    assert.deepEqual([board.installer.onTrial, board.clock.pending.length], [true, 1]);
    return board;
  }

  const failures: Record<string, [(board: TestBoard) => unknown, (board: TestBoard) => unknown]> = {
    "the running slot cannot be read": [
      ({ hardware }) => Object.assign(hardware, { unreadable: true }),
      ({ hardware }) => Object.assign(hardware, { unreadable: false }),
    ],
    "the boot sectors cannot be read": [
      ({ hardware }) => {
        const { sectors } = hardware;
        hardware.sectors = () => {
          const good = sectors.call(hardware);
          let reads = 0;
          const read = (sector: number) => {
            if (reads++ === 0) throw new Error("read failed");
            return good.read(sector);
          };
          return { ...good, read };
        };
      },
      ({ hardware }) => {
        hardware.sectors = Hardware.prototype.sectors;
      },
    ],
    "the older record cannot be removed": [
      ({ hardware: { nvs } }) => {
        nvs.set(nvs.has("a") ? "b" : "a", Buffer.from('{"number":0,"progress":{}}'));
        nvs.delete = throws("nvs erase fail");
      },
      ({ hardware: { nvs } }) => {
        nvs.delete = Map.prototype.delete;
      },
    ],
  };
  for (const [name, [fail, clear]] of Object.entries(failures)) {
    test(`${name}: goes back after 5 min`, () => {
      const board = started(fail, clear);
      board.clock.advance(5 * MINUTE);
      assert.equal(board.restarts, true);
      board.start();
      assertRuns(board, OLD, LEFT.wentBack);
    });

    test(`${name}: stays if it connects`, () => {
      const board = started(fail, clear);
      board.confirm();
      board.told();
      assertRestarts(board, NEXT, LEFT.nothing);
    });
  }

  test("the firmware that it went back to cannot be read: the selection tells", () => {
    const board = onTrial();
    board.clock.advance(5 * MINUTE);
    board.hardware.unreadable = true;
    board.start();
    assert.deepEqual(
      [board.version, board.installer.previousStart, board.installer.onTrial, board.clock.pending],
      [OLD.version, LEFT.wentBack, false, []],
    );
  });
});

describe("the client stops", () => {
  test("during a download: nothing goes on, nothing is left, and the next download succeeds", () => {
    for (const at of ["before the request", "in the body", "in the progress"] as const) {
      const board = boardWith();
      const heard: unknown[] = [];
      const listener = {
        progress: () => at === "in the progress" && board.installer.cancel(),
        done: (status: number) => void heard.push(status),
      };
      if (at === "in the body") board.server.faults = [{ stallAfter: SECTOR + 500 }];
      board.installer.download(IDLE, listener as never);
      if (at !== "before the request") {
        board.clock.advance(0);
        board.answer();
      }
      if (at !== "in the progress") board.installer.cancel();
      assert.deepEqual([heard, board.clock.pending], [[], []], at);
      assert.ok(board.network.links.every(link => !link.alive));
      assert.equal(board.hardware.nvs.size, 0);
      board.download();
      assert.equal(board.status, 0);
    }
  });

  test("during an update: nothing is selected; the next one begins with a download", () => {
    for (const at of ["at its begin", "in the progress"] as const) {
      const board = downloaded();
      const listener = {
        progress: () => at === "in the progress" && board.installer.cancel(),
        done: () => assert.fail(),
      };
      board.installer.update(DOWNLOADED, listener as never);
      if (at === "at its begin") board.installer.cancel();
      board.clock.advance(MINUTE);
      assert.deepEqual([board.restarts, board.clock.pending], [false, []]);
      assertRestarts(board, OLD, LEFT.nothing);
    }
  });

  test("after the new slot was selected: restarts", () => {
    const board = downloaded();
    board.installer.update(DOWNLOADED, SILENT);
    board.clock.advance(999);
    board.installer.cancel();
    board.clock.advance(1);
    assert.equal(board.restarts, true);
    board.start();
    assertRuns(board, NEXT, LEFT.updated);
  });

  test("without a download or update: nothing", () => {
    const board = downloaded();
    board.installer.cancel();
    assertRestarts(board, OLD, LEFT.downloaded);
  });
});

test("a trial with nothing to go back to goes on", () => {
  const board = onTrial();
  const [first, second] = [board.hardware.otadata.subarray(0, SECTOR), board.hardware.otadata.subarray(SECTOR)];
  // Both entries select this slot.
  const [from, to] = selected(board.hardware.sectors())!.sector === 0 ? [first, second] : [second, first];
  to.set(from);
  board.clock.advance(5 * MINUTE);
  assert.deepEqual([board.restarts, board.hardware.powered], [false, true]);
  assert.match(board.lines.at(-1)!, /^firmware: cannot go back: there is no other firmware/);
  assert.equal(board.installer.confirm(), true);
});

test("the board restarts 1 s after the new firmware was selected", () => {
  const board = downloaded();
  board.installer.update(DOWNLOADED, SILENT);
  board.clock.advance(999);
  assert.deepEqual([board.restarts, selected(board.hardware.sectors())?.slot], [false, 1]);
  board.clock.advance(1);
  assert.equal(board.restarts, true);
});

test("the record is lost in the switch: the bootloader's state begins the trial", () => {
  const board = downloaded();
  board.update();
  board.hardware.nvs.clear();
  board.start();
  assert.deepEqual([board.version, board.installer.onTrial], [NEXT.version, true]);
  board.clock.advance(5 * MINUTE);
  board.start();
  assert.equal(board.version, OLD.version);
});

describe("one at a time", () => {
  test("a download during a download, an update during a download: refused, and the first one goes on", () => {
    const board = boardWith();
    board.server.faults = [{ stallAfter: SECTOR + 500 }];
    const told: unknown[] = [];
    const listener = { progress: () => {}, done: (status: number) => void told.push(status) };
    board.installer.download(IDLE, listener);
    board.clock.advance(0);
    board.answer();
    assert.throws(() => board.installer.download(IDLE, listener), /another download or update is under way/);
    assert.throws(() => board.installer.update(IDLE, listener), /another download or update is under way/);
    board.installer.confirm(); // a reconnect meanwhile
    board.installer.told();
    assert.equal(new UpdateRecord(board.hardware.store()).progress?.phase, "download");
    board.settle(() => told.length > 0);
    assert.deepEqual(told, [0]);
    assertRestarts(board, OLD, LEFT.downloaded);
  });

  test("a download or an update during an update", () => {
    const board = downloaded();
    const listener = { progress: () => {}, done: () => assert.fail("nothing failed") };
    board.installer.update(DOWNLOADED, listener);
    assert.throws(() => board.installer.download(DOWNLOADED, listener), /another download or update is under way/);
    assert.throws(() => board.installer.update(DOWNLOADED, listener), /another download or update is under way/);
    board.settle(() => board.restarts);
    board.start();
    assert.equal(board.version, NEXT.version);
  });

  test("an update without a download", () => {
    const board = boardWith();
    assert.throws(() => board.update(), /no firmware was downloaded/);
    board.download();
    assert.equal(board.status, 0);
  });
});

describe("a restart in the middle", () => {
  test("of the download: connection lost, until that is told", () => {
    const board = boardWith();
    board.server.faults = [{ stallAfter: SECTOR + 500 }];
    board.installer.download(IDLE, SILENT);
    board.clock.advance(0);
    board.answer();
    assertRestarts(board, OLD, LEFT.interrupted);
    board.installer.confirm();
    assertRestarts(board, OLD, LEFT.interrupted);
    board.installer.told();
    assertRestarts(board, OLD, LEFT.nothing);
  });

  test("before the first byte of the download: connection lost", () => {
    const board = boardWith();
    board.installer.download(IDLE, SILENT);
    assertRestarts(board, OLD, LEFT.interrupted);
  });

  test("between download and update, and other firmware by USB: an image that is not newer is dropped", () => {
    for (const [version, options, left] of [
      [NEXT.version, {}, LEFT.nothing],
      ["1.9.9", {}, LEFT.downloaded],
      ["1.11.0", { allowOlder: true }, LEFT.downloaded],
      ["1.9.9", { type: "pump" }, LEFT.nothing],
    ] as const) {
      const changing: Partial<UpdateOptions> = {};
      const board = boardWith(changing);
      board.download();
      const flashed = { version, image: imageOf(`flashed ${version}`, SIZE) };
      board.builds.unshift(flashed);
      board.hardware.slots[0]!.set(flashed.image);
      Object.assign(changing, options);
      for (const times of ["once", "again"]) assertRestarts(board, flashed, left, times);
    }
  });

  test("between download and update: the image is still there, also after a connection", () => {
    const board = downloaded();
    for (let times = 0; times < 3; times++) {
      restart(board);
      board.installer.confirm();
      board.installer.told();
    }
    assertRuns(board, OLD, LEFT.downloaded);
    board.update();
    board.start();
    assert.equal(board.version, NEXT.version);
  });
});

describe("flash that fails", () => {
  test("takes no image: out of memory", () => {
    const board = boardWith();
    board.hardware.worn = true;
    board.download();
    assert.deepEqual(board.heard, ["done 2", "cannot write the image to flash: write failed"]);
    assertRestarts(board, OLD, LEFT.nothing);
  });

  test("a bit flips between download and update: verification failed, nothing is selected", () => {
    const board = downloaded();
    board.hardware.slots[1]![SIZE - 1]! ^= 1;
    board.update();
    assert.deepEqual(board.heard.slice(-2), ["done 4", "what is in flash is not the image that was downloaded"]);
    assertRestarts(board, OLD, LEFT.nothing);
  });

  test("an image for another chip: ESP-IDF refuses to select it", () => {
    const image = NEXT.image.slice();
    image[1] = 0;
    const board = boardWith({}, true, fileOf({ version: NEXT.version, image }));
    board.download();
    board.update();
    assert.deepEqual(board.heard.slice(-2), ["done 5", "end failed"]);
    assertRestarts(board, OLD, LEFT.nothing);
  });

  test("has no room for the record: nothing is written to the slot", () => {
    const board = boardWith();
    const before = board.hardware.slots[1]!.slice();
    board.hardware.nvs.set = throws("nvs set fail");
    board.download();
    assert.deepEqual(board.heard, ["done 2", "cannot keep the state of the update: nvs set fail"]);
    assert.deepEqual([board.clock.pending, board.server.requests.length], [[], 0]);
    assert.deepEqual(board.hardware.slots[1], before);
  });

  test("has no room for the record at the end: the download has failed", () => {
    const board = boardWith();
    const { nvs } = board.hardware;
    nvs.set = (key, value) => {
      if (new TextDecoder().decode(value).includes("ready")) throw new Error("nvs set fail");
      return Map.prototype.set.call(nvs, key, value) as typeof nvs;
    };
    board.download();
    assert.deepEqual(board.heard.slice(-2), ["done 2", "cannot keep the state of the update: nvs set fail"]);
    assertRestarts(board, OLD, LEFT.nothing);
  });
});

describe("the connection of a download", () => {
  /** A download that the test serves. */
  function begun(options: Partial<UpdateOptions> = {}, uri: string = URI) {
    const board = boardWith(options);
    const told: unknown[] = [];
    const done = (status: number) => void told.push(status);
    board.installer.download({ ...IDLE, uri }, { progress: () => {}, done });
    board.clock.advance(0);
    return { board, told };
  }

  test("10 attempts; waits of 0.5 to 1 s, doubled each time up to 60 s", () => {
    for (const [chance, share] of [
      [0, 0.5],
      [1, 1],
    ] as const) {
      const board = boardWith();
      board.network.chance = chance;
      const done = (status: number) => assert.equal(status, 3);
      board.installer.download(IDLE, { progress: () => {}, done });
      const waits: number[] = [];
      for (let wait = board.clock.jumpToNext(); wait >= 0; wait = board.clock.jumpToNext()) {
        waits.push(wait / share);
        board.network.link.ends("no connection");
      }
      assert.deepEqual(waits, [0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    }
  });

  test("4 KiB have to come within 30 s: a slow server is waited for, a slower one is not", () => {
    for (const [pause, enough] of [
      [7000, true],
      [8000, false],
    ] as const) {
      const { board, told } = begun();
      const { link } = board.network;
      link.opens();
      link.receives(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n"));
      for (let at = 0; at < board.server.file.length; at += 1024) {
        link.receives(board.server.file.slice(at, at + 1024));
        board.clock.advance(at + 1024 < board.server.file.length ? pause : 0);
      }
      assert.equal(board.network.links.length === 1, enough, `1 KiB in ${pause} ms`);
      assert.deepEqual(told, enough ? [0] : []);
    }
  });

  test("the request goes out as the transport takes it; at the end nothing is left", () => {
    const { board, told } = begun();
    const { link } = board.network;
    link.room = 10;
    link.opens();
    for (let times = 0; times < 20; times++) link.drains(times === 19 ? undefined : 10);
    assert.match(
      new TextDecoder().decode(link.sent),
      /^GET \/firmware HTTP\/1\.1\r\nhost: 192\.0\.2\.7:8080\r\n(.+\r\n)+\r\n$/,
    );
    link.receives(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n"), board.server.file);
    assert.deepEqual([told, board.clock.pending, link.alive], [[0], [], false]);
  });

  test("TLS with the options; a transport that is refused for them: invalid URI, at once", () => {
    const tls = { serverName: "pc.test" };
    const { board } = begun({ tls }, "https://pc.test/firmware");
    assert.deepEqual(board.network.link.endpoint, { host: "pc.test", port: 443, tls });
    const refused = boardWith();
    refused.network.refuseToOpen = new ConfigurationException("no TLS here");
    refused.download({ uri: "https://pc.test/firmware" });
    assert.deepEqual(refused.heard, ["done 6", "no TLS here"]);
  });
});

test("progress goes from 0 to 100 and never back, and is told once", () => {
  const board = downloaded();
  const percents = board.heard.filter(line => line.startsWith("progress")).map(line => Number(line.slice(9)));
  assert.deepEqual(percents, [46, 92, 100]);
  assert.deepEqual([board.clock.pending, board.server.requests.length], [[], 1], "at the end");
});

for (const [name, pair] of [
  ["RSA", () => generateKeyPairSync("rsa", { modulusLength: 2048 })],
  ["EC P-384", () => generateKeyPairSync("ec", { namedCurve: "P-384" })],
] as const) {
  test(`signed with ${name}, key in PEM`, () => {
    const { privateKey, publicKey } = pair();
    const key = publicKey.export({ type: "spki", format: "pem" }) as string;
    const board = boardWith({ key }, true, fileOf(NEXT, { key: privateKey }));
    board.download();
    assert.equal(board.status, 0);
    const forged = boardWith({ key });
    forged.download();
    assert.equal(forged.status, 4);
  });
}

test("without a key nothing is accepted", () => {
  const board = boardWith({ key: undefined as never });
  board.download();
  assert.deepEqual(board.heard, ["done 4", "this device has no public key for firmware"]);
  const open = boardWith({ key: undefined as never, allowUnsigned: true });
  open.download();
  assert.equal(open.status, 0, "unless unsigned files are allowed");
});

describe("the boot sectors", () => {
  const entryOf = (number: number) => Uint8Array.of(number, 0, 0, 0);

  test("the CRC-32 of ESP-IDF: values that its tools write", () => {
    assert.equal(crcOf(entryOf(1)).toString(16), "4743989a");
    assert.equal(crcOf(entryOf(2)).toString(16), "55f63774");
  });

  test("a board that was never updated has nothing to go back to, and nothing to confirm", () => {
    const hardware = new Hardware(false);
    hardware.install(0, OLD.image);
    hardware.boot();
    const sectors = hardware.sectors();
    assert.equal(selected(sectors), undefined);
    confirmSelected(sectors);
    assert.throws(() => deselect(sectors), /no other firmware/);
    assert.equal(hardware.steps, 0);
  });

  test("what is confirmed is not written again", () => {
    const board = onTrial();
    confirmSelected(board.hardware.sectors());
    const { steps } = board.hardware;
    confirmSelected(board.hardware.sectors());
    assert.equal(board.hardware.steps, steps);
  });

  test("agree with the bootloader, whatever is in them", () => {
    const hardware = new Hardware(false);
    const view = new DataView(hardware.otadata.buffer);
    const numbers = [0, 1, 2, 3, 0xffffffff];
    for (const a of numbers) {
      for (const b of numbers) {
        for (const state of [0, 1, 2, 3, 4, 0xffffffff]) {
          for (const flaw of [0, 1]) {
            for (const [sector, number] of [a, b].entries()) {
              view.setUint32(sector * SECTOR, number, true);
              view.setUint32(sector * SECTOR + 24, sector ? state : 2, true);
              const crc = crcOf(hardware.otadata.subarray(sector * SECTOR));
              view.setUint32(sector * SECTOR + 28, sector ? crc ^ flaw : crc, true);
            }
            hardware.boot();
            const slot = selected(hardware.sectors())?.slot ?? 0;
            assert.equal(slot, hardware.running, `${a} ${b} state ${state} flaw ${flaw}`);
          }
        }
      }
    }
  });
});

describe("the record", () => {
  function booted(): Hardware {
    const hardware = new Hardware(true);
    hardware.boot();
    return hardware;
  }

  test("one that is damaged is none", () => {
    for (const text of [
      "",
      "{",
      "null",
      '{"number":1}',
      '{"number":"x","progress":{"phase":"ready"}}',
      '{"number":1,"progress":{}}',
    ]) {
      const hardware = booted();
      hardware.nvs.set("a", Buffer.from(text));
      assert.equal(new UpdateRecord(hardware.store()).progress, undefined, text);
    }
  });

  test("a power failure in the middle of save() leaves the last one or the next one", () => {
    for (const cut of ["before", "half"] as const) {
      for (let step = 1; step <= 2; step++) {
        const hardware = booted();
        const record = new UpdateRecord(hardware.store());
        record.save({ phase: "download" });
        [hardware.steps, hardware.failAt, hardware.cut] = [0, step, cut];
        if (step === 1) assert.throws(() => record.save({ phase: "failed", status: 4 }));
        else record.save({ phase: "failed", status: 4 }); // only the removal of the last one failed
        hardware.boot();
        const phase = new UpdateRecord(hardware.store()).progress?.phase;
        assert.equal(phase, step === 1 && cut === "before" ? "download" : "failed");
        assert.equal(hardware.nvs.size, 1, "the other one was removed");
      }
    }
  });

  test("after clear() there is none", () => {
    const hardware = booted();
    const record = new UpdateRecord(hardware.store());
    record.save({ phase: "download" });
    record.clear();
    assert.deepEqual([record.progress, hardware.nvs.size], [undefined, 0]);
    record.save({ phase: "failed", status: 4 });
    assert.deepEqual(new UpdateRecord(hardware.store()).progress, { phase: "failed", status: 4 });
  });

  test("a removal that fails: clear() keeps the record; save() and the next start go on", () => {
    const hardware = booted();
    const { nvs } = hardware;
    const store = hardware.store();
    const record = new UpdateRecord(store);
    record.save({ phase: "download" });
    nvs.delete = throws("nvs erase fail");
    assert.throws(() => record.clear(), /nvs erase fail/);
    assert.equal(record.progress?.phase, "download");
    record.save({ phase: "failed", status: 4 });
    assert.deepEqual([record.progress?.phase, nvs.size], ["failed", 2]);
    assert.equal(new UpdateRecord(store).progress?.phase, "failed");
    nvs.delete = Map.prototype.delete;
    record.clear();
    assert.deepEqual([record.progress, nvs.size], [undefined, 0]);
  });

  test("a store that throws is empty", () => {
    const board = boardWith();
    board.hardware.nvs.get = throws("iotf-update/a is damaged");
    assertRestarts(board, OLD, LEFT.nothing);
  });
});

test("the longest header", () => {
  const prefix = (...lengths: number[]) => Uint8Array.from([...Buffer.from("IOTFUPD1"), ...lengths]);
  assert.equal(headerLength(prefix(2, 0, 2, 0)), 12 + 512 + 512);
  for (const lengths of [
    [2, 1, 2, 0],
    [2, 0, 2, 1],
    [0, 0, 0, 0],
  ]) {
    assert.throws(() => headerLength(prefix(...lengths)), /malformed/);
  }
});

test("the parts of a URI, and the header host", () => {
  for (const [uri, host, port, path, header] of [
    ["http://192.0.2.7/fw", "192.0.2.7", 80, "/fw", "192.0.2.7"],
    ["HTTP://PC.test:8080/Fw#part", "pc.test", 8080, "/Fw", "pc.test:8080"],
    ["http://pc.test?v=2", "pc.test", 80, "/?v=2", "pc.test"],
    ["http://pc.test:/fw?a/b", "pc.test", 80, "/fw?a/b", "pc.test"],
    ["http://pc.test", "pc.test", 80, "/", "pc.test"],
    ["https://pc.test/", "pc.test", 443, "/", "pc.test"],
    ["https://pc.test:80/", "pc.test", 80, "/", "pc.test:80"],
    ["http://pc.test:443/", "pc.test", 443, "/", "pc.test:443"],
    ["http://[2001:db8::1]:8080/fw", "2001:db8::1", 8080, "/fw", "[2001:db8::1]:8080"],
    [`http://pc.test/${"x".repeat(497)}`, "pc.test", 80, `/${"x".repeat(497)}`, "pc.test"],
  ] as const) {
    const { endpoint, path: found } = parseUri(uri, {});
    assert.deepEqual([endpoint.host, endpoint.port, found, authority(endpoint)], [host, port, path, header], uri);
  }
  for (const uri of ["http://[::1]8080/", "http://pc.test/\x7f", `http://pc.test/${"x".repeat(498)}`, "http:///fw"]) {
    assert.throws(() => parseUri(uri, {}), /^Error: the URI of the firmware has /, uri);
  }
});

test("versions", () => {
  for (const text of ["1", "1.0", "0.10.2", "1.2.3.4", "123456789"]) assert.equal(isVersion(text), true, text);
  for (const text of ["", ".", "1.", ".1", "v1", "1.2.3.4.5", "1.0-beta", "1234567890", "1 "]) {
    assert.equal(isVersion(text), false, text);
  }
  assert.ok(compareVersions("1.10.0", "1.9.9") > 0);
  assert.ok(compareVersions("1.9", "1.9.0.1") < 0);
  assert.equal(compareVersions("1.0", "1"), 0);
});

test("options that are wrong are named, with their value", () => {
  const wrong: [Partial<UpdateOptions>, RegExp][] = [
    [{ type: "" }, /^type must be/],
    [{ id: "" }, /^id must be the device id$/],
    [{ allowUnsigned: "false" as never }, /^allowUnsigned must be true or false, not false$/],
    [{ allowOlder: 0 as never }, /^allowOlder must be true or false, not 0$/],
    [{ attempts: "5" as never }, /^attempts must be a number 1\.\.100, not 5$/],
    [{ allowunsigned: false } as never, /^Unknown option: allowunsigned$/],
    [{ confirmMinutes: 61 }, /^confirmMinutes must be a number 1\.\.60, not 61$/],
    [{ stallSeconds: 601 }, /^stallSeconds must be a number 5\.\.600, not 601$/],
    [{ confirmMinutes: 0 }, /^confirmMinutes must be a number 1\.\.60, not 0$/],
    [{ attempts: 101 }, /^attempts must be a number 1\.\.100, not 101$/],
    [{ stallSeconds: Number.NaN }, /^stallSeconds must be a number 5\.\.600, not NaN$/],
    [{ key: "none" }, /^key must be DER, or PEM with BEGIN PUBLIC KEY$/],
    [{ key: new Uint8Array([...publicKey, 0]) }, /^key must be an RSA key of 2048 to 4096 bits, or an EC key/],
    [{ key: new Uint8Array([0x30, 1, 0]) }, /^key must be an RSA key of 2048 to 4096 bits, or an EC key/],
    [
      { key: new Uint8Array(publicDer(generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey)) },
      /^key must be an RSA key/,
    ],
  ];
  for (const [options, message] of wrong) {
    assert.throws(() => boardWith(options), { name: "ConfigurationException", message });
  }
  const board = new TestBoard(nodeEngine, {}, [{ version: "v1", image: OLD.image }], new FileServer(fileOf(NEXT)));
  board.hardware.install(0, OLD.image);
  assert.throws(
    () => board.start(),
    /^ConfigurationException: version must be 1 to 4 numbers with dots, like 1.3.0, not v1$/,
  );
});
