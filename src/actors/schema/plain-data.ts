/**
 * Copies data that no schema describes (`unknown`, `any`, `custom`): it must be plain data all the way down.
 *
 * Plain data: null, undefined, boolean, number, string, bigint, Date, Uint8Array, ArrayBuffer, refs, and arrays, plain
 * objects, Maps and Sets of these. A Buffer becomes a Uint8Array. Symbol keys and array properties are left behind, as
 * they are by structuredClone. Anything else is refused with the path to it.
 */
import { isSharedMemory } from '../../base/beside-bytes.ts';
import { InvalidValue, pathKey, within } from './errors.ts';
import { ownCopyOf, ownCopyOfBuffer } from './parcel.ts';
import { isPlainObject, timeOf } from './plain-object.ts';
import { isSendableRef, type RefOwner, refRebind } from './ref-rules.ts';
import { schemaLimits } from './schema-limits.ts';
import { foreignShare, isForeignShare, isShared } from './shared-bytes.ts';

/** @throws InvalidValue where something cannot be sent. */
export function copyPlainData(value: unknown, owner: RefOwner): unknown {
  return typeof value === 'object' && value !== null ? new PlainDataCopy(owner).object(value, 1) : leaf(value);
}

function leaf(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol')
    throw new InvalidValue(`a ${typeof value} cannot be sent`);
  return value;
}

/** Counts what it visits. A level is one that the wire form nests, so that what is taken here fits there. */
export class ItemBudget {
  #items = 0;

  /** Enters a container of `items` values at `depth`. */
  enter(depth: number, items: number): void {
    if (depth > schemaLimits.depthMax) {
      throw new InvalidValue(`it is in a cycle, or nested deeper than ${schemaLimits.depthMax} levels`);
    }
    this.add(items + 1);
  }

  add(items: number): void {
    this.#items += items;
    if (this.#items > schemaLimits.itemsMax) {
      throw new InvalidValue(`it holds more than ${schemaLimits.itemsMax} values; send it in parts`);
    }
  }
}

class PlainDataCopy {
  readonly #owner: RefOwner;
  readonly #budget = new ItemBudget();

  constructor(owner: RefOwner) {
    this.#owner = owner;
  }

  object(value: object, depth: number): unknown {
    if (Array.isArray(value)) return this.#array(value, depth);
    if (isPlainObject(value)) return this.#plainObject(value, depth);
    if (isSendableRef(value)) return value[refRebind](this.#owner);
    if (value instanceof Map) return this.#map(value, depth);
    if (value instanceof Set) return new Set(this.#array([...value], depth + 1));
    return copyLeafObject(value, this.#owner);
  }

  #any(value: unknown, depth: number): unknown {
    return typeof value === 'object' && value !== null ? this.object(value, depth) : leaf(value);
  }

  #array(value: readonly unknown[], depth: number): unknown[] {
    // Before anything is allocated: a sparse array may claim 2^32 - 1 places.
    this.#budget.enter(depth, value.length);
    const copy: unknown[] = [];
    let index = 0;
    try {
      for (; index < value.length; index++) copy.push(this.#any(value[index], depth + 1));
    } catch (thrown) {
      throw within(thrown, index);
    }
    return copy;
  }

  #plainObject(value: Record<string, unknown>, depth: number): Record<string, unknown> {
    this.#budget.enter(depth, 0);
    // A clone that is patched costs a third of a copy made key by key; every getter is read once, here.
    const copy = cloneOf(value);
    for (const symbol of Object.getOwnPropertySymbols(copy)) delete (copy as Record<symbol, unknown>)[symbol];
    let at = '';
    let count = 0;
    try {
      for (const key in copy) {
        at = key;
        count += 1;
        if (key === '__proto__') throw new InvalidValue('a key "__proto__" cannot be sent');
        const element = copy[key];
        if (typeof element === 'object' && element !== null) copy[key] = this.object(element, depth + 1);
        else leaf(element);
      }
    } catch (thrown) {
      throw within(thrown, at);
    }
    this.#budget.add(count);
    return copy;
  }

  #map(value: ReadonlyMap<unknown, unknown>, depth: number): Map<unknown, unknown> {
    this.#budget.enter(depth + 2, 3 * value.size);
    const copy = new Map<unknown, unknown>();
    let at: string | number = 0;
    try {
      for (const [key, element] of value) {
        at = pathKey(key, copy.size);
        copy.set(this.#any(key, depth + 3), this.#any(element, depth + 3));
      }
    } catch (thrown) {
      throw within(thrown, at);
    }
    return copy;
  }
}

function cloneOf(value: Record<string, unknown>): Record<string, unknown> {
  try {
    return { ...value };
  } catch (thrown) {
    const key = Object.keys(value).find((each) => isUnreadable(value, each));
    throw key === undefined ? thrown : within(thrown, key);
  }
}

function isUnreadable(value: Record<string, unknown>, key: string): boolean {
  try {
    void value[key];
    return false;
  } catch {
    return true;
  }
}

function copyLeafObject(value: object, owner: RefOwner): object {
  if (value instanceof Date) return new Date(checkedTime(value));
  if (value instanceof Uint8Array) return ownCopyOf(value, owner);
  if (value instanceof ArrayBuffer) return ownCopyOfBuffer(value, owner);
  // What nobody can change need not be copied.
  if (isShared(value)) return value;
  throw unsendable(value);
}

/** @throws InvalidValue for an invalid Date: its time has no wire form. */
export function checkedTime(date: Date): number {
  const time = timeOf(date);
  if (Number.isNaN(time)) throw new InvalidValue('an invalid Date cannot be sent');
  return time;
}

export function unsendable(value: object): InvalidValue {
  if (isSharedMemory(value))
    return new InvalidValue('shared memory cannot be sent; send share(bytes), which nobody writes');
  if (isForeignShare(value)) return foreignShare();
  if (ArrayBuffer.isView(value)) return new InvalidValue(`${className(value)} cannot be sent; send a Uint8Array of it`);
  return new InvalidValue(`an instance of ${className(value)} cannot be sent; send plain data`);
}

function className(value: object): string {
  const made: unknown = value.constructor;
  return typeof made === 'function' && made.name !== '' ? made.name.slice(0, 64) : 'a class';
}
