// The board's pins and light: stand-ins of `device.io.Digital` (ECMA-419, as the SDK has it: a pin has one owner until it
// is closed) and of `Host.LED.Default`, the light that some boards bring their own driver for.

export const pins = {
  owned: [] as number[],
  /** "pin=value" in the order of writing; "led=value" for the board's own. */
  writes: [] as string[],
};

export class Digital {
  static readonly Output = 8;
  private readonly pin: number;
  private open = true;

  constructor({ pin, mode }: { pin?: number; mode: number }) {
    if (pin === undefined) throw new Error("invalid");
    if (pins.owned.includes(pin)) throw new Error("in use");
    if (mode !== Digital.Output) throw new RangeError("invalid mode");
    pins.owned.push(pin);
    this.pin = pin;
  }

  write(value: unknown): void {
    if (!this.open) throw new Error("closed");
    pins.writes.push(`${this.pin}=${Number(value) ? 1 : 0}`);
  }

  close(): void {
    this.open = false;
    pins.owned = pins.owned.filter(pin => pin !== this.pin);
  }
}

export class Led {
  write(value: unknown): void {
    pins.writes.push(`led=${Number(value) ? 1 : 0}`);
  }
}
