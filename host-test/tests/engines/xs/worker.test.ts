// The driver of the XS worker: evaluation, imports, queries, meters, the end of the process. The worker is the real one.

import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type WorkerOptions, XsWorker } from "../../../harness/xs/worker.ts";
import { makeFolder, writeFile } from "../../support/folder.ts";

const folder = makeFolder();

const file = (name: string, text: string) => writeFile(folder, name, text);

async function withWorker(options: WorkerOptions, use: (worker: XsWorker) => Promise<void>): Promise<void> {
  const worker = new XsWorker(options);
  try {
    await use(worker);
  } finally {
    await worker.close();
  }
}

const bytesOf = (expression: string): string => `new TextEncoder().encode(${expression}).buffer`;

describe("evaluate", () => {
  test("gives the bytes of an ArrayBuffer, in the order asked", () =>
    withWorker({}, async worker => {
      await worker.evaluate("globalThis.n = 0");
      const replies = await Promise.all(Array.from({ length: 3000 }, () => worker.evaluate(bytesOf("String(n++)"))));
      assert.deepEqual(replies.map(Number), [...Array(3000).keys()]);
    }));

  test("large code and large replies pass whole", () =>
    withWorker({}, async worker => {
      const text = "ä€😀".repeat(200_000);
      const reply = await worker.evaluate(bytesOf(`"${text}" + "!"`));
      assert.equal(reply.toString(), `${text}!`);
    }));

  test("rejects with what was thrown, and goes on", () =>
    withWorker({}, async worker => {
      await assert.rejects(worker.evaluate("null.x"), /TypeError/);
      await assert.rejects(worker.evaluate("let let let"), /SyntaxError/);
      assert.equal((await worker.evaluate(bytesOf("'on'"))).toString(), "on");
    }));
});

describe("importModule", () => {
  test("runs the file once, with its own imports", () =>
    withWorker({}, async worker => {
      file("counted.js", "globalThis.count = (globalThis.count ?? 0) + 1; export const one = 1;");
      const main = file("main.js", 'import { one } from "./counted.js"; globalThis.sum = one + 1;');
      await worker.importModule(main);
      await worker.importModule(main);
      assert.equal((await worker.evaluate(bytesOf("count + ' ' + sum"))).toString(), "1 2");
    }));

  test("rejects when the file is missing, throws or does not parse", () =>
    withWorker({}, async worker => {
      await assert.rejects(worker.importModule(join(folder, "missing.js")), /missing\.js/);
      await assert.rejects(worker.importModule(file("throws.js", 'throw new Error("boom");')), /boom/);
      await assert.rejects(worker.importModule(file("wrong.js", "export const = 1;")), /SyntaxError/);
    }));
});

test("a query is answered at once, with bytes either way", () =>
  withWorker({ onQuery: bytes => Buffer.from(bytes).reverse() }, async worker => {
    const reply = await worker.evaluate("issueCommand(new Uint8Array([1, 2, 3]).buffer)");
    assert.deepEqual([...reply], [3, 2, 1]);
    assert.equal((await worker.evaluate("issueCommand(new ArrayBuffer(300000))")).length, 300_000);
  }));

test("a query that cannot be answered ends the worker, with the reason", () =>
  withWorker(
    {
      onQuery: () => {
        throw new Error("no answer to that");
      },
    },
    worker => assert.rejects(worker.evaluate("issueCommand(new ArrayBuffer(1))"), /no answer to that/),
  ));

test("meters count instructions without a limit, the same in every run", () =>
  withWorker({}, async worker => {
    const meterOf = (count: number) =>
      new Promise<number>((resolve, reject) => {
        const bytes = Buffer.from(`${count}`);
        worker.command(bytes, new Uint8Array(0), (error, _reply, meter) =>
          error ? reject(error) : resolve(meter.computrons),
        );
      });
    await worker.evaluate(`globalThis.handleCommand = buffer => {
      const count = Number(new TextDecoder().decode(buffer));
      for (let i = 0; i < count; i++);
    }`);
    const [none, some, again, many] = [
      await meterOf(0),
      await meterOf(100),
      await meterOf(100),
      await meterOf(500_000),
    ];
    assert.equal(some, again);
    assert.equal(many - none, 5000 * (some - none));
  }));

test("heap counts what is alive: slots and chunk bytes", () =>
  withWorker({}, async worker => {
    const keep = (count: number) =>
      new Promise<void>(resolve => worker.command(Uint8Array.of(count), new Uint8Array(0), () => resolve()));
    await worker.evaluate(`globalThis.handleCommand = buffer => {
      globalThis.kept = Array.from({ length: new Uint8Array(buffer)[0] }, () => new ArrayBuffer(1000));
    }`);
    await keep(20);
    await keep(10);
    const [ten, sameTen] = await Promise.all([worker.heap(), worker.heap()]);
    assert.deepEqual(ten, sameTen);
    assert.equal(ten.bytes, ten.slots * ten.slotSize + ten.chunkBytes);
    await keep(110);
    const more = await worker.heap();
    assert.equal(more.slots - ten.slots, 100 * 3);
    const header = ten.slotSize / 2;
    assert.equal(more.chunkBytes - ten.chunkBytes, 100 * (1000 + header + ten.slotSize));
    assert.equal(ten.chunkRoom - more.chunkRoom, more.chunkBytes - ten.chunkBytes);
  }));

describe("the end", () => {
  test("a crash rejects what is pending, then tells onCrash, then refuses", async () => {
    const told: string[] = [];
    const worker = new XsWorker({ onCrash: error => told.push(`crash: ${error.message}`) });
    const note = (error: Error) => void told.push(error.message);
    const running = worker.evaluate("(function down() { down(); })()").catch(note);
    const queued = worker.evaluate("1").catch(note);
    await Promise.all([running, queued]);
    await assert.rejects(worker.evaluate("1"), /code 12 \(stack overflow\)/);
    await worker.close();
    assert.deepEqual(told, [
      "crash: The XS worker ended with code 12 (stack overflow)",
      "The XS worker ended with code 12 (stack overflow)",
      "The XS worker ended with code 12 (stack overflow)",
    ]);
  });

  test("a killed worker names the signal", () =>
    withWorker({}, async worker => {
      await worker.evaluate("1");
      process.kill(worker.pid!, "SIGTERM");
      await assert.rejects(worker.evaluate("for (;;);"), /killed by SIGTERM/);
    }));

  test("what the worker printed is part of the error", () =>
    withWorker({}, worker =>
      assert.rejects(
        worker.evaluate("print('last words'); setImmediate(() => { throw new Error('boom'); })"),
        /last words.*boom/s,
      ),
    ));

  test("close ends a program that loops, and may be called twice", async () => {
    const crashes: Error[] = [];
    const worker = new XsWorker({ onCrash: error => crashes.push(error) });
    const looping = assert.rejects(worker.evaluate("for (;;);"), /is closed/);
    await Promise.all([worker.close(), worker.close()]);
    await looping;
    await assert.rejects(worker.evaluate("1"), /is closed/);
    assert.throws(() => process.kill(worker.pid!, 0), /ESRCH/);
    assert.deepEqual(crashes, []);
  });

  test("a binary that is missing or speaks nonsense is named", async () => {
    await withWorker({ binary: join(folder, "missing") }, missing =>
      assert.rejects(missing.evaluate("1"), /cannot run: .*missing/),
    );
    const babbling = file("babbling", "#!/bin/sh\necho 'hello, hello, hello' >&4\nread line <&3\n");
    chmodSync(babbling, 0o755);
    await withWorker({ binary: babbling }, worker => assert.rejects(worker.evaluate("1"), /not a netstring/));
  });
});
