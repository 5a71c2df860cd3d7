// A broker ends with the test that started it, also when that test gets no time to end it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";

const PROGRAM = `
  import { BrokerProcess } from ${JSON.stringify(new URL("process.ts", import.meta.url).href)};
  const broker = new BrokerProcess("guarded");
  await broker.launch({ command: "sh", args: ["-c", "echo ready; sleep 600 & wait"], ready: /ready/ });
  console.log(JSON.stringify({ pid: broker.pid, dir: broker.dir }));
  setInterval(() => {}, 1000);
`;

/** Whether any process of the group is left. */
function runs(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  test(`the test's process ends by ${signal}: so do the broker and its helpers, and its folder goes`, {
    timeout: 30_000,
  }, async () => {
    const options = ["--import", "tsx", "--input-type=module", "-e", PROGRAM];
    const child = spawn(process.execPath, options, { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(child.stdout, "data");
    const { pid, dir } = JSON.parse(line);
    assert.ok(runs(pid) && existsSync(dir));
    child.kill(signal);
    while (runs(pid) || existsSync(dir)) await setImmediate();
  });
}
