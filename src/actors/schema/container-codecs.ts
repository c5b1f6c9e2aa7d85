/** The codecs of arrays, tuples, records, Maps and Sets, composed of those of what they hold. */
import type { Codec } from './codec.ts';
import { pathKey, within } from './errors.ts';
import { isPlainObject } from './plain-object.ts';
import { isPairs } from './self-describing.ts';

type Each = (element: unknown, index: number) => unknown;

/** A list of what the codec is of, with the short form of it where it has one. */
export function listCodec(element: Codec): Codec {
  const list = arrayCodec([element], () => element);
  if (element.short === undefined) return list;
  const shortened = { ...element, ...element.short };
  const { toWire, fromWire } = arrayCodec([shortened], () => shortened);
  return { ...list, short: { toWire: toWire!, fromWire: fromWire!, row: undefined } };
}

/** @param at The codec of the element at an index, which in a tuple is another for each. */
export function arrayCodec(parts: readonly Codec[], at: (index: number) => Codec): Codec {
  const wires = parts.some((part) => part.toWire !== undefined || part.fromWire !== undefined);
  return {
    plain: parts.every((part) => part.plain),
    copy: parts.every((part) => part.copy === undefined)
      ? undefined
      : (value, owner, fresh) => {
          const array = value as unknown[];
          return eachElement(array, fresh, (element, index) => at(index).copy?.(element, owner, fresh) ?? element);
        },
    toWire: wires
      ? (value) =>
          eachElement(value as unknown[], false, (element, index) => {
            const { toWire } = at(index);
            return toWire === undefined ? element : toWire(element);
          })
      : undefined,
    fromWire: wires
      ? (wire, receiver) =>
          Array.isArray(wire)
            ? eachElement(wire, false, (element, index) => {
                const { fromWire } = at(index);
                return fromWire === undefined ? element : fromWire(element, receiver);
              })
            : wire
      : undefined,
  };
}

/** Puts what `each` makes in the place of each element: in the array itself, or in a copy once something differs. */
function eachElement(array: unknown[], inPlace: boolean, each: Each): unknown[] {
  let result = array;
  let index = 0;
  try {
    for (; index < array.length; index++) {
      const element = array[index];
      const made = each(element, index);
      if (made === element) continue;
      if (result === array && !inPlace) result = array.slice();
      result[index] = made;
    }
  } catch (thrown) {
    throw within(thrown, index);
  }
  return result;
}

export function recordCodec(value: Codec): Codec {
  const { copy, toWire, fromWire } = value;
  return {
    plain: value.plain,
    copy:
      copy && ((record, owner, fresh) => eachValue(record as object, fresh, (element) => copy(element, owner, fresh))),
    toWire: toWire && ((record) => eachValue(record as object, false, toWire)),
    fromWire:
      fromWire &&
      ((wire, receiver) =>
        isPlainObject(wire) ? eachValue(wire, false, (element) => fromWire(element, receiver)) : wire),
  };
}

function eachValue(record: object, inPlace: boolean, each: (element: unknown) => unknown): object {
  let result = record as Record<string, unknown>;
  let at = '';
  try {
    for (const key of Object.keys(record)) {
      at = key;
      const element = (record as Record<string, unknown>)[key];
      const made = each(element);
      if (made === element) continue;
      if (result === record && !inPlace) result = { ...record };
      result[key] = made;
    }
  } catch (thrown) {
    throw within(thrown, at);
  }
  return result;
}

/** On the wire an array of pairs. */
export function mapCodec(key: Codec, value: Codec): Codec {
  const copies = key.copy !== undefined || value.copy !== undefined;
  return {
    plain: false,
    copy: copies
      ? (map, owner, fresh) =>
          new Map(
            eachPair(
              map as Map<unknown, unknown>,
              (element) => (key.copy === undefined ? element : key.copy(element, owner, fresh)),
              (element) => (value.copy === undefined ? element : value.copy(element, owner, fresh)),
            ),
          )
      : undefined,
    toWire: (map) => eachPair(map as Map<unknown, unknown>, key.toWire ?? same, value.toWire ?? same),
    fromWire: (wire, receiver) =>
      isPairs(wire)
        ? new Map(
            eachPair(
              wire,
              (element) => (key.fromWire === undefined ? element : key.fromWire(element, receiver)),
              (element) => (value.fromWire === undefined ? element : value.fromWire(element, receiver)),
            ),
          )
        : wire,
  };
}

function eachPair(
  pairs: Iterable<readonly [unknown, unknown]>,
  eachKey: (key: unknown) => unknown,
  eachElement: (element: unknown) => unknown,
): [unknown, unknown][] {
  const result: [unknown, unknown][] = [];
  let at: string | number = 0;
  try {
    for (const [key, element] of pairs) {
      at = pathKey(key, result.length);
      result.push([eachKey(key), eachElement(element)]);
    }
  } catch (thrown) {
    throw within(thrown, at);
  }
  return result;
}

/** On the wire an array. */
export function setCodec(value: Codec): Codec {
  const elements = arrayCodec([value], () => value);
  const { copy, toWire, fromWire } = elements;
  return {
    plain: false,
    copy: copy && ((set, owner, fresh) => new Set(copy([...(set as Set<unknown>)], owner, fresh) as unknown[])),
    toWire: (set) => (toWire ?? same)([...(set as Set<unknown>)]),
    fromWire: (wire, receiver) =>
      Array.isArray(wire) ? new Set((fromWire === undefined ? wire : fromWire(wire, receiver)) as unknown[]) : wire,
  };
}

function same(value: unknown): unknown {
  return value;
}
