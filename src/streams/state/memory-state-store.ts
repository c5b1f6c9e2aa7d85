/** State in the memory of the instance: a Map for each table, cut into key groups only when it is saved. */
import { copyPlainData } from '../../actors/schema/plain-data.ts';
import { describeThrown } from '../../base/errors.ts';
import type { Key } from '../../base/hash-key.ts';
import { StateMismatch } from '../errors.ts';
import { keyGroupOf } from '../key-groups.ts';
import type { SavedGroup, SavedState, StateKey, StateSchema, StateSnapshot, StateStore } from './state-store.ts';

interface Kept {
  readonly stage: string;
  readonly name: string;
  readonly version: number;
  readonly rows: Map<StateKey, unknown>;
}

export class MemoryStateStore implements StateStore {
  readonly #tables = new Map<string, Kept>();
  /** What was saved and no operator has asked for yet; it is kept for those that will. */
  readonly #saved = new Map<string, SavedState>();

  /** @param from what a snapshot says, the rows of which are copied when they are asked for. */
  constructor(from?: StateSnapshot) {
    for (const saved of from?.states ?? []) this.#saved.set(addressOf(saved.stage, saved.name), saved);
  }

  table<V>(stage: string, schema: StateSchema<V>): Map<StateKey, V> {
    const { name, version } = schema;
    const address = addressOf(stage, name);
    const open = this.#tables.get(address);
    if (open !== undefined) {
      if (open.version !== version) {
        throw new StateMismatch(
          stage,
          `two operators keep state '${name}', in versions ${open.version} and ${version}`,
        );
      }
      return open.rows as Map<StateKey, V>;
    }
    const saved = this.#saved.get(address);
    const rows = saved === undefined ? new Map<StateKey, V>() : this.#restored(saved, schema);
    this.#saved.delete(address);
    this.#tables.set(address, { stage, name, version, rows });
    return rows;
  }

  snapshot(): StateSnapshot {
    return { states: [...[...this.#tables.values()].map((kept) => this.#saveOf(kept)), ...this.#saved.values()] };
  }

  #restored<V>(saved: SavedState, { version, migrate }: StateSchema<V>): Map<StateKey, V> {
    const { stage, name } = saved;
    if (saved.version !== version && migrate === undefined) {
      throw new StateMismatch(
        stage,
        `state '${name}' was kept in version ${saved.version}, and its operator has version ${version}; give it ` +
          'migrate: (kept, version) => …, or another name to begin anew',
      );
    }
    const read = (kept: unknown): V => {
      const value = copyPlainData(kept, this);
      return saved.version === version ? (value as V) : migrate!(value, saved.version);
    };
    const rows = new Map<StateKey, V>();
    for (const value of saved.instance) rows.set(undefined, read(value));
    for (const { keys, values } of saved.groups) {
      for (const [index, key] of keys.entries()) rows.set(key, read(values[index]));
    }
    return rows;
  }

  #saveOf({ stage, name, version, rows }: Kept): SavedState {
    const instance: unknown[] = [];
    const groups = new Map<number, { group: number; keys: Key[]; values: unknown[] }>();
    for (const [key, value] of rows) {
      let copy: unknown;
      try {
        copy = copyPlainData(value, this);
      } catch (thrown) {
        const whose = key === undefined ? '' : ` of key ${JSON.stringify(key)}`;
        throw new StateMismatch(stage, `state '${name}'${whose} is no plain data: ${describeThrown(thrown)}`, thrown);
      }
      if (key === undefined) {
        instance.push(copy);
        continue;
      }
      const group = keyGroupOf(key);
      let saved = groups.get(group);
      if (saved === undefined) {
        saved = { group, keys: [], values: [] };
        groups.set(group, saved);
      }
      saved.keys.push(key);
      saved.values.push(copy);
    }
    const sorted: SavedGroup[] = [...groups.values()].sort((one, other) => one.group - other.group);
    return { stage, name, version, instance, groups: sorted };
  }
}

function addressOf(stage: string, name: string): string {
  return JSON.stringify([stage, name]);
}
