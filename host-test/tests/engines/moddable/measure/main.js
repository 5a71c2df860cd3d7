// Measures, on one machine one after the other, this library (over TCP, then TLS) and Moddable's own MQTT client doing the
// same work: connect
// and subscribe, publish `events` events at QoS 1, receive one command. Traces one line of JSON for each figure.

import Debug from "debug";
import Instrumentation from "instrumentation";
import config from "mc/config";
import { OurClient, OurSecureClient } from "ours";
import { PeerClient } from "peer";
import Timer from "timer";

const SLOTS = Instrumentation.map("XS Slot Heap Used");
const CHUNKS = Instrumentation.map("XS Chunk Heap Used");
const EVENTS = Number(config.events);
const WINDOW = 32;
const PAUSE_MS = 500;
/** Every tenth event has a length of its own. */
const LENGTHS = 2000;

/** One client's turn. All that it takes itself is there before the client is made. */
class Turn {
  constructor(name, next) {
    this.name = name;
    this.slots = 0;
    this.chunks = 0;
    this.sent = 0;
    this.confirmed = 0;
    this.client = undefined;
    this.fill = () => this.publish();
    this.done = () => this.published();
    // Figures are not taken inside a callback, whose stack would count.
    this.subscribed = () => {
      Timer.set(() => {
        this.tell("connected");
        this.client.whenWritable(this.fill);
        this.publish();
      }, PAUSE_MS);
    };
    this.commanded = data => {
      this.tell("command", { characters: data.length });
      Timer.set(() => {
        this.tell("after command");
        this.client.close();
        if (next) Timer.set(next, PAUSE_MS);
      }, PAUSE_MS);
    };
  }

  begin(Client) {
    Debug.gc();
    this.slots = Instrumentation.get(SLOTS);
    this.chunks = Instrumentation.get(CHUNKS);
    this.client = new Client(config.host, Number(config.port), this.subscribed, this.commanded);
  }

  /** What lives now, beyond what lived before. */
  tell(what, more) {
    Debug.gc();
    const slots = Instrumentation.get(SLOTS) - this.slots;
    const chunks = Instrumentation.get(CHUNKS) - this.chunks;
    trace(`measured ${JSON.stringify({ client: this.name, what, slots, chunks, ...more })}\n`);
  }

  publish() {
    while (this.sent < EVENTS && this.sent - this.confirmed < WINDOW) {
      if (!this.client.publish(eventText(this.sent), this.done)) return;
      this.sent++;
    }
  }

  published() {
    if (++this.confirmed < EVENTS) return this.publish();
    Timer.set(() => this.tell("events"), PAUSE_MS);
  }
}

function eventText(n) {
  return "x".repeat(n % 10 ? 20 : (n / 10) % LENGTHS);
}

export default function () {
  const peer = new Turn("peer");
  const secure = new Turn("ours, TLS", () => peer.begin(PeerClient));
  new Turn("ours", () => secure.begin(OurSecureClient)).begin(OurClient);
}
