// For command.test.ts: needs more stack than there is, which ends the engine as it restarts a device.

function deeper(): number {
  return 1 + deeper();
}

deeper();
