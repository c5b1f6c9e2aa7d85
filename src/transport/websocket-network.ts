/**
 * The real network: links between machines as WebSockets, binary frames, subprotocol `troupe.v1`.
 *
 * This is the one adapter of the `Network` seam that touches sockets. It knows frames and addresses; who the peer is
 * and what the frames mean is decided above it.
 */
import type { Clock } from '../base/environment/clock.ts';
import type { Listener, ListenRequest, Network } from '../base/environment/network.ts';
import type { Certificates } from './certificates.ts';
import { clientLimits } from './client-limits.ts';
import { dialWebSocket } from './websocket-dial.ts';
import { type WebSocketLimits, webSocketLimits } from './websocket-limits.ts';
import type { WebSocketLink } from './websocket-link.ts';
import { listenWebSocket, type PortRefusal } from './websocket-listener.ts';

export interface WebSocketNetworkOptions {
  readonly clock: Clock;
  readonly limits?: Partial<WebSocketLimits>;
  /** Asked of, and shown to, whoever is at the other end of a `wss` link. */
  readonly certificates?: Certificates | undefined;
  /** Told of every connection, request or frame that a port refused. */
  readonly onRefused?: (refusal: PortRefusal) => void;
  /** Addresses that are never shut out; those of this machine unless given. */
  readonly isExempt?: ((address: string) => boolean) | undefined;
}

export class WebSocketNetwork implements Network {
  readonly #clock: Clock;
  readonly #limits: WebSocketLimits;
  readonly #certificates: Certificates | undefined;
  readonly #onRefused: (refusal: PortRefusal) => void;
  readonly #isExempt: ((address: string) => boolean) | undefined;

  constructor(options: WebSocketNetworkOptions) {
    this.#clock = options.clock;
    this.#limits = { ...webSocketLimits, ...options.limits };
    this.#certificates = options.certificates;
    this.#isExempt = options.isExempt;
    this.#onRefused = (refusal) => options.onRefused?.(refusal);
  }

  /** @throws ListenFailed */
  listen(options: ListenRequest): Promise<Listener> {
    return listenWebSocket({
      ...options,
      clock: this.#clock,
      limits: options.clients === undefined ? this.#limits : forClients(this.#limits, options.clients.connectionsMax),
      // Those of nodes are no certificates for clients.
      certificates: options.clients === undefined ? this.#certificates : options.clients.certificates,
      onRefused: this.#onRefused,
      isExempt: this.#isExempt,
    });
  }

  /** @throws DialFailed */
  dial(options: {
    readonly address: string;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal | undefined;
  }): Promise<WebSocketLink> {
    return dialWebSocket({ ...options, clock: this.#clock, limits: this.#limits, certificates: this.#certificates });
  }
}

/** All clients may come by one proxy, so they are not counted by address. */
function forClients(limits: WebSocketLimits, connectionsMax: number): WebSocketLimits {
  const { linkFrameBytesMax } = clientLimits;
  return { ...limits, linkFrameBytesMax, connectionsMax, connectionsPerAddressMax: connectionsMax };
}

/** True for an address that only this machine can reach: the only kind that may be bound without a secret. */
export function isLoopback(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { hostname } = new URL(address);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
