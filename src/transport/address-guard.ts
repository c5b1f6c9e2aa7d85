/**
 * Which addresses are let in to prove themselves, and which are not for a while, since they failed to too often.
 *
 * An address from which a node has proved itself a short while ago is never shut out: several nodes may share one behind a
 * router, and whoever shares it with them must not be able to lock them out. The same holds for this machine's own addresses,
 * where a proxy stands for everybody. What is remembered is bounded, and what came last stays. At a port for clients it is
 * clients that prove themselves, by their tokens; each port remembers its own.
 */
import type { Clock } from '../base/environment/clock.ts';

export interface AddressLimits {
  /** Failures within `failuresWithinMs` after which an address is shut out. */
  readonly failuresMax: number;
  readonly failuresWithinMs: number;
  /** For how long. */
  readonly banMs: number;
  /** How long after its last link an address counts as that of a node. */
  readonly provedMs: number;
  /** Addresses that are remembered of each kind. */
  readonly addressesMax: number;
}

export interface AddressGuardOptions {
  readonly clock: Clock;
  readonly limits: AddressLimits;
  /** Told when an address is shut out. */
  readonly onBan: (network: string, failures: number) => void;
  /** Addresses that are never shut out; those of this machine unless given. */
  readonly isExempt?: ((address: string) => boolean) | undefined;
}

interface Failures {
  count: number;
  sinceMs: number;
  /** Until when it is shut out; undefined where it is not. */
  bannedUntilMs: number | undefined;
}

export class AddressGuard {
  readonly #options: AddressGuardOptions;
  readonly #failures = new Map<string, Failures>();
  /** When a node at that address had a link last. */
  readonly #proved = new Map<string, number>();
  /** How many links of nodes there are from that address now. */
  readonly #linked = new Map<string, number>();

  constructor(options: AddressGuardOptions) {
    this.#options = options;
  }

  isBanned(address: string): boolean {
    const network = networkOf(address);
    const untilMs = this.#failures.get(network)?.bannedUntilMs;
    if (untilMs === undefined) return false;
    if (this.#nowMs < untilMs) return !this.#isOfNode(network);
    this.#failures.delete(network);
    return false;
  }

  /** A peer at that address failed to prove itself. */
  failed(address: string): void {
    const { limits, onBan, isExempt = isOwnMachine } = this.#options;
    const network = networkOf(address);
    if (isExempt(address) || this.#isOfNode(network)) return;
    const known = this.#failures.get(network);
    if (known?.bannedUntilMs !== undefined && this.#nowMs < known.bannedUntilMs) return;
    const isFresh = known !== undefined && known.bannedUntilMs === undefined;
    const goesOn = isFresh && this.#nowMs - known.sinceMs < limits.failuresWithinMs;
    const failures: Failures = goesOn ? known : { count: 0, sinceMs: this.#nowMs, bannedUntilMs: undefined };
    failures.count += 1;
    if (failures.count >= limits.failuresMax) {
      failures.bannedUntilMs = this.#nowMs + limits.banMs;
      onBan(network, failures.count);
    }
    keepLast(this.#failures, network, failures, limits.addressesMax);
  }

  /** A node at that address has proved itself, and has a link until the function that this returns is called. */
  proved(address: string): () => void {
    const network = networkOf(address);
    this.#failures.delete(network);
    this.#linked.set(network, (this.#linked.get(network) ?? 0) + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const left = (this.#linked.get(network) ?? 1) - 1;
      if (left > 0) this.#linked.set(network, left);
      else this.#linked.delete(network);
      keepLast(this.#proved, network, this.#nowMs, this.#options.limits.addressesMax);
    };
  }

  #isOfNode(network: string): boolean {
    if (this.#linked.has(network)) return true;
    const atMs = this.#proved.get(network);
    return atMs !== undefined && this.#nowMs - atMs < this.#options.limits.provedMs;
  }

  get #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}

/** Puts an entry last, and forgets the first where there are too many. */
export function keepLast<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > max) map.delete(map.keys().next().value!);
}

/**
 * What counts as one address: an IPv4 address, also where IPv6 carries it, and of an IPv6 address the first 64 bits, since
 * whoever has one has all of those.
 */
export function networkOf(address: string): string {
  const bare = address.replace(/%.*$/, '').toLowerCase();
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  if (!bare.includes(':')) return bare;
  const [head = '', tail] = bare.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const behind = tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0);
    while (groups.length + behind < 8) groups.push('0');
    if (tail !== '') groups.push(...tail.split(':'));
  }
  const first = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${first.join(':')}::/64`;
}

/** An address without what IPv6 puts before an IPv4 address that it carries. */
export function bareAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '').toLowerCase();
}

/** True for an address that only this machine has. */
export function isOwnMachine(address: string): boolean {
  const bare = bareAddress(address);
  return bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare);
}
