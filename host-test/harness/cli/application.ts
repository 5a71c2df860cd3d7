// An application on the platform, with the package's own MQTT client. The first connection attempt succeeds or fails;
// after persist(), a lost connection is retried.

import type { MqttClient as Client, MqttMessage } from "../../../targets/node/index.ts";
import { MqttClient } from "../../../targets/node/index.ts";
import { CommandError } from "./errors.ts";
import type { Target } from "./target.ts";
import { asUsageError } from "./usage-error.ts";

export class Application {
  /** The connection was lost, or a retry failed; the client retries again. */
  lostCallback: ((reason: string) => void) | undefined;
  /** The client has reconnected. */
  reconnectedCallback: (() => void) | undefined;
  /** Rejects when the application cannot go on. */
  readonly #failure: Promise<never>;
  readonly #client: Client;
  #fail!: (error: CommandError) => void;
  /** False: a lost connection is a failure. */
  #persistent = false;

  /**
   * Resolves when connected.
   * @param timeoutMs for the transport, and then again for CONNACK
   * @throws CommandError when the first attempt fails, and when the signal aborts
   */
  static async connect(target: Target, signal: AbortSignal, timeoutMs: number): Promise<Application> {
    const application = new Application(target, signal, timeoutMs);
    try {
      await application.#or(application.#connected());
    } catch (error) {
      await application.close();
      throw error;
    }
    return application;
  }

  private constructor({ mqtt, local, url }: Target, signal: AbortSignal, timeoutMs: number) {
    this.#client = asUsageError(() => new MqttClient({ ...mqtt, timeout: timeoutMs / 1000 }));
    this.#failure = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.#failure.catch(() => {}); // not an unhandled rejection while nothing waits for it
    signal.addEventListener("abort", () => this.#fail(new CommandError("interrupted")), { once: true });
    if (signal.aborted) this.#fail(new CommandError("interrupted"));
    this.#client.errorCallback = error => this.#fail(new CommandError(error.message));
    this.#client.disconnectedCallback = (reason, retryMs) => {
      if (!reason) return;
      const hint = local && reason.code === "unreachable" ? `; is it running? 'iotf-embedded platform' starts one` : "";
      if (!this.#persistent || retryMs < 0) this.#fail(new CommandError(`${url}: ${reason.message}${hint}`));
      else this.lostCallback?.(reason.message);
    };
  }

  /** From now on the client reconnects and subscribes again by itself. */
  persist(): void {
    this.#persistent = true;
  }

  onMessage(listener: (message: MqttMessage) => void): void {
    this.#client.messageCallback = listener;
  }

  /** @throws CommandError when the platform refuses a subscription */
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

  /** Resolves when the platform has acknowledged the message (QoS 0: when it is sent). */
  publish(topic: string, payload: Uint8Array, qos: 0 | 1 | 2): Promise<void> {
    return this.#or(
      new Promise((resolve, reject) => {
        const done = (error?: Error) => (error ? reject(new CommandError(error.message)) : resolve());
        asUsageError(() => this.#client.publish(topic, payload, qos, false, done));
      }),
    );
  }

  /** Never resolves; rejects when the application cannot go on. */
  failed(): Promise<never> {
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
        if (this.#persistent) this.reconnectedCallback?.();
      };
      this.#client.connect();
    });
  }

  #or<T>(wanted: Promise<T>): Promise<T> {
    return Promise.race([wanted, this.#failure]);
  }
}
