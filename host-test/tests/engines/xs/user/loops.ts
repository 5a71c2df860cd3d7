// For command.test.ts: never returns.

console.log("looping");
for (;;);
