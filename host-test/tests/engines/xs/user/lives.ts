// For command.test.ts: has a timer, and so never ends.

console.log("alive");
setInterval(() => console.log("still alive"), 3_600_000);
