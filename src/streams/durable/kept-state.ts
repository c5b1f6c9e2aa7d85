/**
 * What a durable operator keeps: rows in the store of its island, which outlive its subscription where the stage fails
 * and is built anew. Where it ends in any other way (it completes, or nobody listens any more) its rows end with it, as
 * what an operator of RxJS has in its closure does.
 */
import type { Subscriber } from 'rxjs';
import { UsageError } from '../../base/errors.ts';
import type { Key } from '../../base/hash-key.ts';
import { limits } from '../../base/limits.ts';
import type { Here } from '../rx/here.ts';
import type { StageAccount } from '../stage-account.ts';
import type { StateKey, StateTable } from '../state/state-store.ts';

/** Names what a durable operator keeps. */
export interface DurableState {
  /** The name of the state, of its own among the durable operators of a stage. */
  readonly state: string;
  /** The version of what is kept, a whole number from 1 on; 1 unless given. Raise it when its form changes. */
  readonly version?: number;
}

/** The same for an operator that may stand within a group. */
export interface DurableStateOfKey extends DurableState {
  /** Within a group of {@link groupBy} the key of the group: `key: group.key`. Each group keeps its own. */
  readonly key?: Key;
}

/** One operator that keeps a state, for one key or for none. */
interface Use {
  readonly operator: string;
  readonly generation: number;
}

/** The operators at work in each stage, by state and key. */
const usesOf = new WeakMap<StageAccount, Map<string, Map<StateKey, Use>>>();

export interface Keeping<V> extends DurableStateOfKey {
  readonly migrate?: ((kept: unknown, version: number) => V) | undefined;
  /** Deletes what is kept; only the row of the key unless given. */
  readonly forget?: (table: StateTable<V>) => void;
}

/**
 * Opens the table of an operator that is being subscribed.
 *
 * @throws UsageError where another operator keeps the same, or the state has no good name.
 */
export function keep<V>(
  here: Here,
  operator: string,
  { state, version = 1, key, migrate, forget = (table) => table.delete(key) }: Keeping<V>,
  subscriber: Subscriber<never>,
): StateTable<V> {
  checkState(operator, state, version);
  const { stage, ledger } = here;
  const uses = usesOf.get(stage) ?? new Map<string, Map<StateKey, Use>>();
  usesOf.set(stage, uses);
  const ofState = uses.get(state) ?? new Map<StateKey, Use>();
  uses.set(state, ofState);
  const other = ofState.get(key) ?? clash(ofState, operator, key);
  // One of a generation before is being torn down: its stage has failed.
  if (other !== undefined && other.generation === stage.restarts) {
    throw new UsageError(
      `stage '${stage.name}': ${operator} keeps state '${state}', which ${other.operator} keeps already. Give each its ` +
        'own name, and within a group also its key: { state, key: group.key }',
    );
  }
  const table = ledger.store.table<V>(stage.name, { name: state, version, migrate });
  const use: Use = { operator, generation: stage.restarts };
  ofState.set(key, use);
  subscriber.add(() => {
    // Another one where the stage has been built anew meanwhile.
    if (ofState.get(key) !== use) return;
    ofState.delete(key);
    // A failed stage goes on with what it kept.
    if (stage.unsubscribedFate !== 'lost') forget(table);
  });
  return table;
}

/** A state is of one operator; either of one that stands alone, or of its copies in the groups, each by its key. */
function clash(uses: ReadonlyMap<StateKey, Use>, operator: string, key: StateKey): Use | undefined {
  for (const [otherKey, other] of uses) {
    return other.operator !== operator || otherKey === undefined || key === undefined ? other : undefined;
  }
  return undefined;
}

function checkState(operator: string, state: string, version: number): void {
  if (typeof state !== 'string' || state === '' || state.length > limits.nameCharactersMax) {
    throw new UsageError(
      `a durable ${operator} names its state ${JSON.stringify(state)}; give it { state: 'name' }, of 1 to ` +
        `${limits.nameCharactersMax} characters`,
    );
  }
  if (Number.isSafeInteger(version) && version >= 1) return;
  throw new UsageError(`a durable ${operator} has version ${String(version)}; it is a whole number from 1 on`);
}
