// The part of Node's `events` that mqtt-packet uses: one listener an event, one argument an emit.

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
