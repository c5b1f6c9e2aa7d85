/**
 * The same data with other bytes in it: what a parcel does once its bytes are the receiver's.
 *
 * Containers are made anew on the way to what differs, and not changed: under `trusted` they may be the sender's.
 */
import { pathKey, within } from './errors.ts';
import { freezeContainer, isBytes, isPlainObject } from './plain-object.ts';

/** What stands in the place of all of a buffer, and of a view of it; undefined to leave it. */
export type Replace = (
  buffer: ArrayBufferLike,
) => { readonly buffer: ArrayBuffer; readonly view: () => Uint8Array } | undefined;

/** @throws InvalidValue with the path where `replace` throws */
export function replaced(value: unknown, replace: Replace): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isBytes(value)) return replace(value.buffer)?.view() ?? value;
  if (value instanceof ArrayBuffer) return replace(value)?.buffer ?? value;
  if (Array.isArray(value)) return replacedArray(value, replace);
  if (value instanceof Map) {
    const pairs = [...value].map((pair, index) => {
      const [key, element] = pair;
      return named(pathKey(key, index), () => replacedArray([key, element], replace, false) as [unknown, unknown]);
    });
    return sameAs(value, new Map(pairs), [...value.entries()].flat(), pairs.flat());
  }
  if (value instanceof Set) {
    const elements = [...value];
    const made = replacedArray(elements, replace) as unknown[];
    return made === elements ? value : kept(value, new Set(made));
  }
  return isPlainObject(value) ? replacedObject(value, replace) : value;
}

function replacedArray(value: readonly unknown[], replace: Replace, isNamed = true): readonly unknown[] {
  let made: unknown[] | undefined;
  for (const [index, element] of value.entries()) {
    const other = isNamed ? named(index, () => replaced(element, replace)) : replaced(element, replace);
    if (other === element) continue;
    made ??= value.slice();
    made[index] = other;
  }
  return made === undefined ? value : (kept(value, made) as unknown[]);
}

function replacedObject(value: Record<string, unknown>, replace: Replace): object {
  let made: Record<string, unknown> | undefined;
  for (const key of Object.keys(value)) {
    const element = value[key];
    if (typeof element !== 'object' || element === null) continue;
    const other = named(key, () => replaced(element, replace));
    if (other === element) continue;
    made ??= { ...value };
    made[key] = other;
  }
  return made === undefined ? value : (kept(value, made) as object);
}

function sameAs(before: object, made: object, old: readonly unknown[], now: readonly unknown[]): unknown {
  return old.every((element, index) => element === now[index]) ? before : kept(before, made);
}

/** As frozen as what it stands for. */
function kept(before: object, made: object): unknown {
  return Object.isFrozen(before) ? freezeContainer(made) : made;
}

function named<T>(key: string | number, look: () => T): T {
  try {
    return look();
  } catch (thrown) {
    throw within(thrown, key);
  }
}
