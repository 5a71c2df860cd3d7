// Fails in a timer outside main(options).
export function main(): void {
  // Does nothing.
}

setTimeout(() => {
  throw new Error("in no device");
}, 10);
