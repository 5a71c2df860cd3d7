// The process of `iotf-embedded`: its streams, its environment and Ctrl-C for the commands.

import { dispatch } from "./dispatch.ts";

const interrupted = new AbortController();
// The first Ctrl-C lets a command say goodbye; a second one ends the process as usual.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());
// Whoever read the output has seen enough, as `head` does: no error, but an end.
process.stdout.on("error", error => {
  if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  interrupted.abort();
});

const { stdout, stderr, env } = process;
process.exitCode = await dispatch(process.argv.slice(2), { stdout, stderr, env, signal: interrupted.signal });
