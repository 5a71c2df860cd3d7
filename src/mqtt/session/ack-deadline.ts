// Has the oldest unacknowledged packet waited too long? It is looked at once per acknowledgement timeout; no packet has a
// timer or a time of its own.

export class AckDeadline {
  // At the last check. Not the message itself, which may be large and confirmed meanwhile.
  private id = 0;
  private state!: number;
  private resent!: boolean;

  /**
   * @param id packet identifier of what waits longest, in `state`; 0 if nothing waits
   * @returns "resend": it has waited since the last check; "dead": also since it was sent again
   */
  check(id: number, state: number): "wait" | "resend" | "dead" {
    if (id === 0 || id !== this.id || state !== this.state) {
      this.id = id;
      this.state = state;
      this.resent = false;
      return "wait";
    }
    if (this.resent) return "dead";
    this.resent = true;
    return "resend";
  }
}
