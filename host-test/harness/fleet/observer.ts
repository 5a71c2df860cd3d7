// Sees what arrives at the broker: an application that subscribes to the events of all devices. Its session is durable and
// its QoS is 2, so that it gets each event once, also after the broker was away.

import { MqttClient, type MqttMessage, type MqttOptions } from "../../../targets/node/index.ts";
import { CommandError } from "../cli/errors.ts";
import { eventHash } from "./event-hash.ts";
import type { Qos } from "./tally.ts";

export interface ObserverOptions {
  readonly mqtt: MqttOptions;
  /** The topics of the broker do not name the device: it is not a platform. */
  readonly plain: boolean;
  readonly timeoutMs: number;
}

export interface ReceivedEvent {
  /** `<type>:<id>`; undefined on a plain broker. */
  readonly device: string | undefined;
  /** See event-hash.ts. */
  readonly hash: number;
  readonly qos: Qos;
}

const FILTERS = { platform: "iot-2/type/+/id/+/evt/+/fmt/+", plain: "iot-2/evt/+/fmt/+" };
const NAMED_TOPIC = /^iot-2\/type\/([^/]+)\/id\/([^/]+)\/(.*)$/;
const REFUSED = 128;

export class Observer {
  /** The broker restarted and lost the session: what was published until the observer was back counts as lost. */
  sessionLost = false;
  /** When the last event came, as performance.now(). */
  lastEventMs = 0;
  readonly #mqtt: MqttOptions;
  readonly #client: MqttClient;

  /**
   * Resolves when it is subscribed.
   * @throws CommandError if the broker is not there in time, or refuses it
   */
  static async connect(
    options: ObserverOptions,
    signal: AbortSignal,
    onEvent: (event: ReceivedEvent) => void,
  ): Promise<Observer> {
    const observer = new Observer(options, onEvent);
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const fail = (reason: string) => reject(new CommandError(reason));
        timer = setTimeout(fail, options.timeoutMs, "the broker did not answer in time");
        signal.addEventListener("abort", () => fail("interrupted"), { once: true });
        observer.#client.disconnectedCallback = reason => reason && fail(reason.message);
        const topic = options.plain ? FILTERS.plain : FILTERS.platform;
        observer.#client.subscribe([{ topic, qos: 2 }], (error, granted) => {
          if (error) fail(error.message);
          else if (granted?.[0] === REFUSED) fail(`the broker refused the subscription to ${topic}`);
          else resolve();
        });
        observer.#client.connect();
      });
    } catch (error) {
      // Only a connection that came up has left a session.
      await (observer.#client.connected ? observer.close() : observer.#disconnect());
      throw error;
    } finally {
      clearTimeout(timer);
    }
    observer.#watchSession();
    return observer;
  }

  private constructor({ mqtt, plain, timeoutMs }: ObserverOptions, onEvent: (event: ReceivedEvent) => void) {
    this.#mqtt = { ...mqtt, timeout: timeoutMs / 1000 };
    this.#client = new MqttClient({ ...this.#mqtt, clean: false });
    this.#client.messageCallback = message => {
      this.lastEventMs = performance.now();
      const event = plain ? plainEvent(message) : namedEvent(message);
      if (event) onEvent(event);
    };
  }

  /** Ends its session too: a connection with CleanSession does that [MQTT-3.1.2-6]. */
  async close(): Promise<void> {
    await this.#disconnect();
    await new Promise<void>(done => {
      const client = new MqttClient({ ...this.#mqtt, clean: true });
      client.connectedCallback = () => client.disconnect(done);
      client.disconnectedCallback = (_reason, retryMs) => (retryMs < 0 ? done() : client.disconnect(done));
      client.connect();
    });
  }

  #disconnect(): Promise<void> {
    this.#client.connectedCallback = undefined;
    this.#client.disconnectedCallback = undefined;
    return new Promise(done => this.#client.disconnect(done));
  }

  #watchSession(): void {
    this.#client.disconnectedCallback = undefined;
    this.#client.connectedCallback = sessionPresent => {
      if (!sessionPresent) this.sessionLost = true;
    };
  }
}

function plainEvent({ topic, payload, qos }: MqttMessage): ReceivedEvent {
  return { device: undefined, hash: eventHash(Buffer.from(topic), payload), qos };
}

function namedEvent({ topic, payload, qos }: MqttMessage): ReceivedEvent | undefined {
  const [, type, id, rest] = NAMED_TOPIC.exec(topic) ?? [];
  if (rest === undefined) return undefined;
  return { device: `${type}:${id}`, hash: eventHash(Buffer.from(`iot-2/${rest}`), payload), qos };
}
