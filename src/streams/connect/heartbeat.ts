/**
 * Notices WebSockets whose other end has vanished: a cable that is cut tells nobody, and what is sent into it is only queued.
 *
 * Each end says every 30 s that it lives, by a ping, and does so too while it reads nothing: one that is held back by its own
 * flow cannot answer, and must not be taken for dead. Where two heartbeats pass without a word from the other end, although
 * we read, it is gone.
 */
import type { WebSocket } from 'ws';
import type { Cancel, Clock } from '../../base/environment/clock.ts';
import { connectLimits } from '../limits.ts';

interface Beating {
  /** Whether we read it, so that we could hear it. */
  readonly isRead: () => boolean;
  readonly gone: () => void;
  heard: boolean;
  silentBeats: number;
}

/** What is told of one that is gone. */
export const silent: string = `has said nothing for ${(connectLimits.silentBeatsMax * connectLimits.heartbeatMs) / 1_000} s`;

export class Heartbeat {
  readonly #sockets = new Map<WebSocket, Beating>();
  readonly #clock: Clock;
  #timer: Cancel;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = this.#next();
  }

  /** @param gone told once, before it is cut off */
  watch(
    socket: WebSocket,
    { isRead = () => true, gone = () => undefined }: Partial<Pick<Beating, 'isRead' | 'gone'>> = {},
  ): void {
    const beating: Beating = { isRead, gone, heard: true, silentBeats: 0 };
    this.#sockets.set(socket, beating);
    for (const event of ['message', 'ping', 'pong'] as const)
      socket.on(event, () => {
        beating.heard = true;
      });
    socket.once('close', () => this.#sockets.delete(socket));
  }

  stop(): void {
    this.#timer();
    this.#sockets.clear();
  }

  #next(): Cancel {
    return this.#clock.timer(connectLimits.heartbeatMs, () => {
      this.#timer = this.#next();
      for (const [socket, beating] of this.#sockets) this.#beat(socket, beating);
    });
  }

  #beat(socket: WebSocket, beating: Beating): void {
    if (socket.readyState !== socket.OPEN) return;
    beating.silentBeats = beating.heard || !beating.isRead() ? 0 : beating.silentBeats + 1;
    beating.heard = false;
    if (beating.silentBeats < connectLimits.silentBeatsMax) {
      socket.ping();
      return;
    }
    this.#sockets.delete(socket);
    beating.gone();
    socket.terminate();
  }
}
