// Entry of `iotf-embedded`: gives the commands the streams, the environment and Ctrl-C of the process.

import { dispatch } from "./dispatch.ts";

const interrupted = new AbortController();
// The first Ctrl-C lets a command disconnect; the second one ends the process.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());
// EPIPE: the reader of the output has ended, as `| head` does. The command ends without an error.
process.stdout.on("error", error => {
  if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  interrupted.abort();
});

const { stdin, stdout, stderr, env } = process;
process.exitCode = await dispatch(process.argv.slice(2), { stdin, stdout, stderr, env, signal: interrupted.signal });
