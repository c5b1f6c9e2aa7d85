/**
 * Messages of WebSockets that wait for the flow. A connection is read no more while it has too many here, or all together
 * have too many bytes; then TCP holds its sender back.
 */
import type { WebSocket } from 'ws';
import { connectLimits, streamLimits } from '../limits.ts';

interface Message {
  readonly from: WebSocket;
  readonly text: string;
  readonly bytes: number;
}

export class WebSocketInbox {
  #messages: Message[] = [];
  /** Messages here of each connection. */
  readonly #held = new Map<WebSocket, number>();
  readonly #paused = new Set<WebSocket>();
  #bytes = 0;
  #wake: () => void = () => undefined;

  get size(): number {
    return this.#messages.length;
  }

  isPaused(from: WebSocket): boolean {
    return this.#paused.has(from);
  }

  push(from: WebSocket, data: Buffer): void {
    this.#messages.push({ from, text: data.toString(), bytes: data.length });
    this.#bytes += data.length;
    const held = (this.#held.get(from) ?? 0) + 1;
    this.#held.set(from, held);
    if (held >= connectLimits.connectionAhead || this.#bytes > connectLimits.waitingBytesMax) this.#pause(from);
    this.#wake();
  }

  /** A batch's worth of what waits; connections that have room again are read on. */
  take(): { readonly from: WebSocket; readonly text: string }[] {
    const taken = this.#messages.splice(0, streamLimits.sourceBatch);
    for (const { from, bytes } of taken) {
      this.#bytes -= bytes;
      const held = this.#held.get(from)! - 1;
      if (held > 0) this.#held.set(from, held);
      else this.#held.delete(from);
    }
    if (this.#bytes <= connectLimits.waitingBytesMax)
      for (const from of this.#paused)
        if ((this.#held.get(from) ?? 0) < connectLimits.connectionAhead) this.#resume(from);
    return taken;
  }

  /** Resolves when something waits, or `wake` was called. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  wake(): void {
    this.#wake();
  }

  /** What it sent still waits. */
  forget(from: WebSocket): void {
    this.#paused.delete(from);
    this.#wake();
  }

  #pause(from: WebSocket): void {
    if (from.readyState !== from.OPEN) return;
    this.#paused.add(from);
    from.pause();
  }

  #resume(from: WebSocket): void {
    this.#paused.delete(from);
    from.resume();
  }
}
