/**
 * Who is registered under which name: the state of the receptionist.
 *
 * An entry ends with its actor, through a watch, so exactly once whatever ends it. A name stands for one protocol as long
 * as it has entries. A listing is made anew at each change and never changed, so that those who observe it see by its
 * identity whether it is new.
 */
import { limits } from '../../base/limits.ts';
import { incarnationOf, type Target, type Watcher } from '../target.ts';
import type { WireAddress } from './address.ts';

export type Listing = readonly WireAddress[];

/** Why something was refused, and how to say so. */
export interface Refusal {
  readonly reason: 'protocol' | 'full';
  readonly text: string;
}

interface Entry {
  readonly address: WireAddress;
  readonly target: Target;
  readonly watcher: Watcher;
}

interface Named {
  readonly protocol: string;
  readonly entries: Map<string, Entry>;
  listing: Listing;
}

const nobody: Listing = [];

export class Listings {
  /** What the names are, in texts. */
  readonly #what: string;
  readonly #byName = new Map<string, Named>();
  /** Called when an entry ended with its actor. */
  readonly #onEnded: () => void;

  constructor(what: string, onEnded: () => void) {
    this.#what = what;
    this.#onEnded = onEnded;
  }

  /** How many names have entries. */
  get size(): number {
    return this.#byName.size;
  }

  /** Those registered, oldest first; a refusal where they speak another protocol than `protocol`. */
  find(name: string, protocol: string): Listing | Refusal {
    const named = this.#byName.get(name);
    if (named === undefined) return nobody;
    return named.protocol === protocol ? named.listing : this.#otherProtocol(name, named, protocol);
  }

  /** Registering twice is once. */
  add(name: string, protocol: string, address: WireAddress, target: Target): Refusal | undefined {
    const known = this.#byName.get(name);
    if (known !== undefined && known.protocol !== protocol) return this.#otherProtocol(name, known, protocol);
    const incarnation = incarnationOf(target);
    if (known?.entries.has(incarnation)) return undefined;
    if (known === undefined ? this.size >= limits.serviceKeysMax : known.entries.size >= limits.serviceEntriesMax) {
      const text = known === undefined ? `${this.size} ${this.#what}s` : `${known.entries.size} actors under ${name}`;
      return { reason: 'full', text: `${target.path()} was not registered: there are ${text} already` };
    }
    const named = known ?? { protocol, entries: new Map(), listing: nobody };
    this.#byName.set(name, named);
    const watcher: Watcher = {
      terminated: () => {
        // Only what is there still: the watch of one that was taken back may be told all the same.
        if (named.entries.get(incarnation)?.watcher !== watcher) return;
        this.#drop(name, named, incarnation);
        this.#onEnded();
      },
    };
    named.entries.set(incarnation, { address, target, watcher });
    this.#changed(named);
    try {
      target.watch(watcher);
    } catch (error) {
      this.#drop(name, named, incarnation);
      return { reason: 'full', text: `${target.path()} was not registered: ${(error as Error).message}` };
    }
    return undefined;
  }

  /** False where it was not registered. */
  remove(name: string, target: Target): boolean {
    const named = this.#byName.get(name);
    const entry = named?.entries.get(incarnationOf(target));
    if (named === undefined || entry === undefined) return false;
    this.#drop(name, named, incarnationOf(target));
    entry.target.unwatch(entry.watcher);
    return true;
  }

  /** Takes every watch back. */
  close(): void {
    for (const { entries } of this.#byName.values()) {
      for (const { target, watcher } of entries.values()) target.unwatch(watcher);
    }
    this.#byName.clear();
  }

  #drop(name: string, named: Named, incarnation: string): void {
    named.entries.delete(incarnation);
    this.#changed(named);
    if (named.entries.size === 0) this.#byName.delete(name);
  }

  #changed(named: Named): void {
    named.listing = [...named.entries.values()].map(({ address }) => address);
  }

  #otherProtocol(name: string, named: Named, protocol: string): Refusal {
    return {
      reason: 'protocol',
      text: `${this.#what} "${name}" stands for actors of "${named.protocol}", not of "${protocol}"; use another ${this.#what}`,
    };
  }
}

export function isRefusal(result: Listing | Refusal | undefined): result is Refusal {
  return result !== undefined && 'reason' in result;
}
