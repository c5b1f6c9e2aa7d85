/** How a router chooses among its routees. */

import type { Random } from '../../base/environment/random.ts';
import { UsageError } from '../../base/errors.ts';
import type { Key } from '../../base/hash-key.ts';
import { limits } from '../../base/limits.ts';
import type { Operation } from '../operation.ts';
import { ActorFailed } from '../outcomes.ts';
import type { AskOperation, Operations, Out, TellOperation } from '../protocol.ts';
import { HashRing } from './hash-ring.ts';
import type { Routee } from './routee.ts';

/** Chooses one of at least one routee. The same array is handed in until the routees change. */
export type Picker = (routees: readonly Routee[], operation: Operation, message: unknown) => Routee;

/** What `router({ strategy })` takes; made by `roundRobin()` and the like. @typeParam O operations that it can spread */
export interface Strategy<in O extends Operations = Operations> {
  /** For error texts. */
  readonly name: string;
  /** Who gets a message: one routee, all of them, or all with the first reply to an ask. */
  readonly reach: 'one' | 'all' | 'first';
  /** Makes the picker of one router, where it reaches one. */
  readonly picker: (random: Random) => Picker;
  /** True where it looks into messages, which are then validated before it does. */
  readonly readsMessages: boolean;
  /** For the compiler alone. */
  readonly spreads?: (operations: O) => void;
}

/** An operation's name and its validated message, as `consistentHash` sees them: told apart by the name. */
export type RoutedCall<O extends Operations> = {
  [K in keyof O & string]: [operation: K, message: Out<O[K]['input']>];
}[keyof O & string];

/** One after the other. */
export function roundRobin(): Strategy {
  return one('round-robin', () => {
    let next = 0;
    return (routees) => {
      if (next >= routees.length) next = 0;
      const routee = routees[next]!;
      next += 1;
      return routee;
    };
  });
}

/** Any, each with the same chance. */
export function random(): Strategy {
  return one('random', (chance) => (routees) => routees[Math.floor(chance.fraction() * routees.length)]!);
}

/**
 * The one with the fewest messages waiting or in work; of several the next in turn. All are looked at for each message.
 * Of a routee in another place only what is under way to that place is known.
 */
export function leastMailbox(): Strategy {
  return one('least-mailbox', () => {
    let first = 0;
    return (routees) => {
      const { length } = routees;
      first = first + 1 < length ? first + 1 : 0;
      let best = routees[first]!;
      let least = best.target.load;
      for (let step = 1; step < length && least > 0; step += 1) {
        const routee = routees[(first + step) % length]!;
        const { load } = routee.target;
        if (load < least) {
          best = routee;
          least = load;
        }
      }
      return best;
    };
  });
}

/**
 * The one that the key of the message belongs to, on a ring of hashes (Karger et al., 1997): always the same one for a
 * key, while it is there. When a routee comes or goes, about every n-th key of n routees moves and the others stay.
 * Messages are validated before `key` sees them, once more than otherwise.
 *
 * @param key gives a string or number for `(operation, message)`. Where it throws or gives anything else, the message
 * becomes a dead letter, or its ask fails, as `ActorFailed`. Name both parameters: a function of one does not compile.
 */
export function consistentHash<O extends Operations>(key: (...call: RoutedCall<O>) => Key): Strategy<O> {
  if (typeof key !== 'function')
    throw new UsageError('consistentHash takes a function that gives the key of a message');
  const keyOf = key as (operation: string, message: unknown) => unknown;
  return {
    ...one('consistent-hash', () => {
      let built: readonly Routee[] | undefined;
      let ring: HashRing | undefined;
      return (routees, operation, message) => {
        const found = keyOf(operation.name, message);
        if (typeof found !== 'string' && typeof found !== 'number') {
          throw new ActorFailed(
            `${operation.label}: the key of a message must be a string or a number, not ${typeof found}`,
          );
        }
        if (ring === undefined || built !== routees) {
          built = routees;
          ring = new HashRing(
            routees.map(({ name }) => name),
            limits.ringPointsPerRoutee,
          );
        }
        return routees[ring.ownerOf(found)]!;
      };
    }),
    readsMessages: true,
  };
}

/** Every routee. Takes tells only: who would answer an ask? */
export function broadcast(): Strategy<{ readonly [name: string]: TellOperation }> {
  return { name: 'broadcast', reach: 'all', picker: noPicker, readsMessages: false };
}

/**
 * Asks every routee, and gives the first reply that is no failure; the others are cancelled through `ctx.signal`. Tells go
 * to every routee. Takes no streams.
 */
export function scatterGatherFirst(): Strategy<{ readonly [name: string]: TellOperation | AskOperation }> {
  return { name: 'scatter-gather-first', reach: 'first', picker: noPicker, readsMessages: false };
}

function one(name: string, picker: Strategy['picker']): Strategy {
  return { name, reach: 'one', picker, readsMessages: false };
}

function noPicker(): Picker {
  return (routees) => routees[0]!;
}

/** @throws UsageError where the strategy has no way with an operation */
export function checkStrategy(strategy: Strategy<never>, operations: Iterable<Operation>, what: string): void {
  if (typeof strategy?.picker !== 'function') {
    throw new UsageError(`${what}: strategy must be one of roundRobin(), random(), leastMailbox() and the like`);
  }
  const { reach, name } = strategy;
  for (const { kind, label } of operations) {
    const takes = reach === 'one' || kind === 'tell' || (reach === 'first' && kind === 'ask');
    if (!takes) throw new UsageError(`${what}: ${name} cannot spread ${label}, since it is of kind ${kind}`);
  }
}
