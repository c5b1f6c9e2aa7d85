/** A message port of Node as the runtime sees it: nothing posted before somebody listens is lost. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Port } from '../base/environment/place.ts';

export class WorkerPort implements Port {
  readonly #port: MessagePort;
  readonly #onUnreadable: (error: Error) => void;
  readonly #keepsThreadAlive: boolean;
  #onMessage: ((message: unknown) => void) | undefined = undefined;

  /** @param onUnreadable told when a message arrived that cannot be read here; what it held is lost. */
  constructor(port: MessagePort, keepsThreadAlive: boolean, onUnreadable: (error: Error) => void) {
    this.#port = port;
    this.#keepsThreadAlive = keepsThreadAlive;
    this.#onUnreadable = onUnreadable;
    // Listening to `message` is what starts a port, so until `onMessage` is set, Node keeps what arrives.
    port.on('messageerror', onUnreadable);
    this.#holdThread();
  }

  set onMessage(handle: (message: unknown) => void) {
    const first = this.#onMessage === undefined;
    this.#onMessage = handle;
    if (!first) return;
    this.#port.on('message', (message: unknown) => this.#onMessage?.(message));
    this.#holdThread();
  }

  post(message: unknown, transfer: readonly unknown[] = []): void {
    this.#port.postMessage(message, transfer as Parameters<MessagePort['postMessage']>[1]);
  }

  close(): void {
    this.#port.close();
  }

  /** Hands over what has arrived already, then closes: for a port whose other end is gone. */
  drain(): void {
    try {
      for (;;) {
        const received = receiveMessageOnPort(this.#port);
        if (received === undefined) break;
        this.#onMessage?.(received.message);
      }
    } catch (error) {
      this.#onUnreadable(error as Error);
    } finally {
      this.#port.close();
    }
  }

  #holdThread(): void {
    // Listening makes a port keep its thread alive, so this is said again after every `on`.
    if (this.#keepsThreadAlive) this.#port.ref();
    else this.#port.unref();
  }
}
