// CPU and memory of this machine, as the samples of the Python client report them.

import os from "node:os";

export interface Figures {
  /** Per cent of all cores busy since the last look. */
  cpu: number;
  /** Per cent of memory in use. */
  mem: number;
}

export function machineFigures(): () => Figures {
  let last = { busy: 0, total: 0 }; // the first look covers the time since the machine started
  return () => {
    const now = cpuTimes();
    const total = now.total - last.total;
    const cpu = total > 0 ? (100 * (now.busy - last.busy)) / total : 0;
    last = now;
    return { cpu: round(cpu), mem: round(100 * (1 - os.freemem() / os.totalmem())) };
  };
}

function cpuTimes(): { busy: number; total: number } {
  let busy = 0;
  let idle = 0;
  for (const { times } of os.cpus()) {
    busy += times.user + times.nice + times.sys + times.irq;
    idle += times.idle;
  }
  return { busy, total: busy + idle };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
