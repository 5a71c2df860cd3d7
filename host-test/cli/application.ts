// An application on the platform, by the package's own MQTT client: connects once or says why not, then keeps the
// connection.

import type { MqttClient as Client, MqttMessage } from "../node/index.ts";
import { MqttClient } from "../node/index.ts";
import { CommandError } from "./errors.ts";
import { usage } from "./mended.ts";
import type { Target } from "./target.ts";

export class Application {
  /** A connection was lost, or an attempt to make it anew failed; it tries again. */
  lost: ((reason: string) => void) | undefined;
  /** The lost connection is there again. */
  back: (() => void) | undefined;
  /** It cannot go on: rejects whatever is awaited. */
  readonly #failure: Promise<never>;
  readonly #client: Client;
  #fail!: (error: CommandError) => void;
  /** Any loss is a failure. */
  #brittle = true;

  /**
   * Resolves when connected.
   * @param patienceMs for connecting
   * @throws CommandError when it cannot connect, at the first attempt, and when the signal aborts
   */
  static async connect(target: Target, signal: AbortSignal, patienceMs: number): Promise<Application> {
    const application = new Application(target, signal, patienceMs);
    try {
      await application.#or(application.#connected());
    } catch (error) {
      await application.close();
      throw error;
    }
    return application;
  }

  private constructor({ mqtt, local, url }: Target, signal: AbortSignal, patienceMs: number) {
    this.#client = usage(() => new MqttClient({ ...mqtt, timeoutMs: patienceMs }));
    this.#failure = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.#failure.catch(() => {}); // it may come when nothing is awaited
    signal.addEventListener("abort", () => this.#fail(new CommandError("interrupted")), { once: true });
    if (signal.aborted) this.#fail(new CommandError("interrupted"));
    this.#client.disconnectedCallback = (reason, retryMs) => {
      if (!reason) return;
      const absent =
        local && reason.code === "unreachable" ? `; is it running? 'iotf-embedded platform' starts one` : "";
      if (this.#brittle || retryMs < 0) this.#fail(new CommandError(`${url}: ${reason.message}${absent}`));
      else this.lost?.(reason.message);
    };
  }

  /** From now on a lost connection is made anew; subscriptions too. */
  persist(): void {
    this.#brittle = false;
  }

  onMessage(listener: (message: MqttMessage) => void): void {
    this.#client.messageCallback = listener;
  }

  /** @throws CommandError when the platform refuses one */
  subscribe(topics: readonly string[]): Promise<void> {
    const wanted = topics.map(topic => ({ topic, qos: 1 as const }));
    return this.#or(
      new Promise((resolve, reject) => {
        this.#client.subscribe(wanted, (error, granted) => {
          const refused = topics.filter((_, index) => granted?.[index] === 128);
          if (error) reject(new CommandError(error.message));
          else if (refused.length) reject(new CommandError(`the platform refused ${refused.join(" and ")}`));
          else resolve();
        });
      }),
    );
  }

  /** Resolves when the platform has it (at QoS 0: when it is sent). */
  publish(topic: string, payload: Uint8Array, qos: 0 | 1 | 2): Promise<void> {
    return this.#or(
      new Promise((resolve, reject) => {
        const done = (error?: Error) => (error ? reject(new CommandError(error.message)) : resolve());
        usage(() => this.#client.publish(topic, payload, qos, false, done));
      }),
    );
  }

  /** Resolves never; rejects when it cannot go on. */
  forever(): Promise<never> {
    return this.#failure;
  }

  close(): Promise<void> {
    this.#client.disconnectedCallback = undefined;
    return new Promise(resolve => this.#client.disconnect(resolve));
  }

  #connected(): Promise<void> {
    return new Promise(resolve => {
      this.#client.connectedCallback = () => {
        resolve();
        if (!this.#brittle) this.back?.();
      };
      this.#client.connect();
    });
  }

  #or<T>(wanted: Promise<T>): Promise<T> {
    return Promise.race([wanted, this.#failure]);
  }
}
