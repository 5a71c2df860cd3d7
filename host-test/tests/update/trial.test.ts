// A new firmware on trial, two updates at once, restarts in the middle, flash that fails, the boot sectors, options.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { ConfigurationException } from "../../../src/index.ts";
import { publicDer } from "../../../targets/esp32/firmware-key.ts";
import { confirmSelected, crcOf, deselect, selected } from "../../../targets/moddable/update/boot.ts";
import { compareVersions, isVersion } from "../../../targets/moddable/update/image.ts";
import type { UpdateOptions } from "../../../targets/moddable/update/installer.ts";
import { UpdateRecord } from "../../../targets/moddable/update/record.ts";
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

function boardWith(options: Partial<UpdateOptions> = {}, rollback = true, file = fileOf(NEXT)): TestBoard {
  const board = new TestBoard(nodeEngine, { key: publicKey, ...options }, [OLD, NEXT], new FileServer(file), rollback);
  board.hardware.install(0, OLD.image);
  board.start();
  return board;
}

/** A board that has started its new firmware. */
function onTrial(options: Partial<UpdateOptions> = {}, rollback = true): TestBoard {
  const board = boardWith(options, rollback);
  board.download();
  board.update();
  assert.deepEqual([board.restarts, board.told.at(-1)], [true, "progress 100"]);
  board.start();
  assert.deepEqual(
    [board.version, board.installer.previousStart, board.installer.onTrial],
    [NEXT.version, LEFT.updated, true],
  );
  return board;
}

function restart(board: TestBoard): void {
  board.hardware.off();
  board.start();
  if (board.restarts) board.start();
}

for (const rollback of [true, false]) {
  describe(`a new firmware, bootloader ${rollback ? "with" : "without"} rollback`, () => {
    test("confirmed within 5 min: stays", () => {
      const board = onTrial({}, rollback);
      board.clock.advance(5 * MINUTE - 1);
      assert.equal(board.installer.confirm(), true);
      assert.deepEqual(board.clock.pending, []);
      restart(board);
      assert.deepEqual([board.version, board.installer.previousStart], [NEXT.version, LEFT.nothing]);
      assert.equal(board.installer.onTrial, false);
    });

    test("not confirmed within 5 min: goes back, and says so until that is told", () => {
      const board = onTrial({}, rollback);
      board.clock.advance(5 * MINUTE);
      assert.equal(board.restarts, true);
      board.start();
      assert.deepEqual([board.version, board.installer.previousStart], [OLD.version, LEFT.wentBack]);
      restart(board);
      assert.deepEqual([board.version, board.installer.previousStart], [OLD.version, LEFT.wentBack]);
      board.installer.confirm();
      restart(board);
      assert.deepEqual([board.version, board.installer.previousStart], [OLD.version, LEFT.nothing]);
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
      restart(board);
      assert.deepEqual([board.version, board.installer.previousStart], [OLD.version, LEFT.wentBack]);
    });

    test("accepts no download until it is confirmed: the slot has the firmware to go back to", () => {
      const board = onTrial({}, rollback);
      assert.throws(() => board.download(), /not confirmed yet/);
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
      assert.deepEqual([board.version, board.installer.previousStart], [OLD.version, LEFT.wentBack]);
      // A download writes half of the slot; then a bootloader that checks nothing starts what is selected.
      board.confirm();
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
}

test("the record is lost in the switch: the bootloader's state begins the trial", () => {
  const board = boardWith();
  board.download();
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
    const firmware = { uri: URI, state: 0, updateStatus: 0 } as const;
    board.installer.download(firmware, listener);
    board.clock.advance(0);
    board.answer();
    assert.throws(() => board.installer.download(firmware, listener), /another download or update is under way/);
    assert.throws(() => board.installer.update(firmware, listener), /another download or update is under way/);
    board.installer.confirm(); // a reconnect meanwhile
    board.settle(() => told.length > 0);
    assert.deepEqual(told, [0]);
    restart(board);
    assert.deepEqual(board.installer.previousStart, LEFT.downloaded);
  });

  test("a download or an update during an update", () => {
    const board = boardWith();
    board.download();
    const firmware = { uri: URI, state: 2, updateStatus: 0 } as const;
    const listener = { progress: () => {}, done: () => assert.fail("nothing failed") };
    board.installer.update(firmware, listener);
    assert.throws(() => board.installer.download(firmware, listener), /another download or update is under way/);
    assert.throws(() => board.installer.update(firmware, listener), /another download or update is under way/);
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
    board.installer.download({ uri: URI, state: 0, updateStatus: 0 }, { progress: () => {}, done: () => {} });
    board.clock.advance(0);
    board.answer();
    restart(board);
    assert.deepEqual([board.version, board.installer.previousStart], [OLD.version, LEFT.interrupted]);
    board.installer.confirm();
    restart(board);
    assert.deepEqual(board.installer.previousStart, LEFT.nothing);
  });

  test("between download and update: the image is still there, also after a connection", () => {
    const board = boardWith();
    board.download();
    for (let times = 0; times < 3; times++) {
      restart(board);
      board.installer.confirm();
    }
    assert.deepEqual([board.version, board.installer.previousStart], [OLD.version, LEFT.downloaded]);
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
    assert.deepEqual(board.told, ["done 2", "cannot write the image to flash: write failed"]);
    restart(board);
    assert.deepEqual(board.installer.previousStart, LEFT.nothing);
  });

  test("a bit flips between download and update: verification failed, nothing is selected", () => {
    const board = boardWith();
    board.download();
    board.hardware.slots[1]![SIZE - 1]! ^= 1;
    board.update();
    assert.deepEqual(board.told.slice(-2), ["done 4", "what is in flash is not the image that was downloaded"]);
    restart(board);
    assert.deepEqual([board.version, board.installer.previousStart], [OLD.version, LEFT.nothing]);
  });

  test("an image for another chip: ESP-IDF refuses to select it", () => {
    const image = NEXT.image.slice();
    image[1] = 0;
    const board = boardWith({}, true, fileOf({ version: NEXT.version, image }));
    board.download();
    board.update();
    assert.deepEqual(board.told.slice(-2), ["done 5", "end failed"]);
    restart(board);
    assert.deepEqual([board.version, board.installer.previousStart], [OLD.version, LEFT.nothing]);
  });

  test("has no room for the record: nothing is written to the slot", () => {
    const board = boardWith();
    const before = board.hardware.slots[1]!.slice();
    board.hardware.nvs.set = () => {
      throw new Error("nvs set fail");
    };
    board.download();
    assert.deepEqual(board.told, ["done 2", "cannot write the image to flash: nvs set fail"]);
    assert.deepEqual(board.hardware.slots[1], before);
  });
});

test("progress goes from 0 to 100 and never back, and is told once", () => {
  const board = boardWith();
  board.download();
  const percents = board.told.filter(line => line.startsWith("progress")).map(line => Number(line.slice(9)));
  assert.deepEqual(percents, [46, 92, 100]);
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
  const board = new TestBoard(nodeEngine, {}, [OLD, NEXT], new FileServer(fileOf(NEXT)));
  board.hardware.install(0, OLD.image);
  board.start();
  board.download();
  assert.deepEqual(board.told, ["done 4", "this device has no public key for firmware"]);
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
  test("one that is damaged is none", () => {
    for (const text of [
      "",
      "{",
      "null",
      '{"number":1}',
      '{"number":"x","progress":{"phase":"ready"}}',
      '{"number":1,"progress":{}}',
    ]) {
      const hardware = new Hardware(true);
      hardware.boot();
      hardware.nvs.set("a", Buffer.from(text));
      assert.equal(new UpdateRecord(hardware.store()).progress, undefined, text);
    }
  });

  test("a power failure in the middle of save() leaves the last one or the next one", () => {
    for (const cut of ["before", "half"] as const) {
      for (let step = 1; step <= 2; step++) {
        const hardware = new Hardware(true);
        hardware.boot();
        const record = new UpdateRecord(hardware.store());
        record.save({ phase: "download" });
        [hardware.steps, hardware.failAt, hardware.cut] = [0, step, cut];
        assert.throws(() => record.save({ phase: "failed", status: 4 }));
        hardware.boot();
        const phase = new UpdateRecord(hardware.store()).progress?.phase;
        assert.equal(phase, step === 1 && cut === "before" ? "download" : "failed");
      }
    }
  });

  test("a store that throws is empty", () => {
    const board = boardWith();
    board.hardware.nvs.get = () => {
      throw new Error("iotf-update/a is damaged");
    };
    restart(board);
    assert.deepEqual(board.installer.previousStart, LEFT.nothing);
  });
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
    [{ confirmMinutes: 0 }, /^confirmMinutes must be a number 1\.\.60, not 0$/],
    [{ attempts: 101 }, /^attempts must be a number 1\.\.100, not 101$/],
    [{ stallSeconds: Number.NaN }, /^stallSeconds must be a number 5\.\.600, not NaN$/],
    [{ key: "none" }, /^key must be DER, or PEM with BEGIN PUBLIC KEY$/],
    [{ key: new Uint8Array([0x30, 1, 0]) }, /^key must be an RSA key of 2048 to 4096 bits, or an EC key/],
    [
      { key: new Uint8Array(publicDer(generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey)) },
      /^key must be an RSA key/,
    ],
  ];
  for (const [options, message] of wrong) {
    assert.throws(
      () => boardWith(options),
      (error: Error) => error instanceof ConfigurationException && message.test(error.message),
    );
  }
  const board = new TestBoard(nodeEngine, {}, [{ version: "v1", image: OLD.image }], new FileServer(fileOf(NEXT)));
  board.hardware.install(0, OLD.image);
  assert.throws(
    () => board.start(),
    /^ConfigurationException: version must be 1 to 4 numbers with dots, like 1.3.0, not v1$/,
  );
});
