// Stands in for the part of Node's `events` that the published parser uses: one listener per event, one argument. The
// shipped bundle has no use for it (patch group "pull").

type Listener = (argument: unknown) => void;

export class EventEmitter {
  private readonly listeners: Record<string, Listener> = {};

  on(event: string, listener: Listener): this {
    if (this.listeners[event]) throw new Error(`${event}: one listener only`);
    this.listeners[event] = listener;
    return this;
  }

  emit(event: string, argument: unknown): boolean {
    const listener = this.listeners[event];
    if (listener) listener(argument);
    else if (event === "error") throw argument;
    return listener !== undefined;
  }
}
