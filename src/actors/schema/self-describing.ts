/**
 * The wire form of data that no schema describes: special leaves become one-key maps that name themselves.
 *
 * `{"$date": ms}`, `{"$big": digits}`, `{"$map": [[key, value], …]}`, `{"$set": […]}`, `{"$buffer": bytes}`,
 * `{"$shared": bytes}` and `{"$ref": [protocol, address]}`. An object of the user's that has one key with a leading `$` is wrapped: `{"$": it}`.
 * Both ways give back the very same object where nothing in it is special, which is the common case of stream elements.
 */
import { InvalidValue, pathKey, within } from './errors.ts';
import { wireBytesOf, wireBytesOfBuffer } from './parcel.ts';
import { checkedTime, ItemBudget, unsendable } from './plain-data.ts';
import { isBytes, isPlainObject, ownBytes } from './plain-object.ts';
import { isSendableRef, type RefReceiver, refProtocolName, refToWire } from './ref-rules.ts';
import { schemaLimits } from './schema-limits.ts';
import { isShared, sharedFromWire, sharedToWire } from './shared-bytes.ts';

/**
 * Bytes in it are those of `value` itself: for what nobody changes any more.
 * @throws InvalidValue where something cannot be sent.
 */
export function toSelfDescribing(value: unknown): unknown {
  return passesAsIs(value) ? value : encode(value, 1, new Encoding(asTheyAre));
}

/**
 * The same for what its owner may change before it is read: bytes are copied.
 * @throws `apart` where bytes in it were given away or are large
 */
export function toOwnSelfDescribing(value: unknown): unknown {
  return passesAsIs(value) ? value : encode(value, 1, new Encoding(copied));
}

/** What becomes of bytes, and of a whole buffer. */
interface BytesToWire {
  readonly view: (view: Uint8Array) => Uint8Array;
  readonly buffer: (buffer: ArrayBuffer) => Uint8Array;
}

const asTheyAre: BytesToWire = { view: (view) => view, buffer: (buffer) => new Uint8Array(buffer) };
const copied: BytesToWire = { view: wireBytesOf, buffer: wireBytesOfBuffer };

class Encoding extends ItemBudget {
  readonly bytes: BytesToWire;

  constructor(bytes: BytesToWire) {
    super();
    this.bytes = bytes;
  }
}

/** Never throws; what is malformed comes out as it is. */
export function fromSelfDescribing(wire: unknown, receiver: RefReceiver): unknown {
  return typeof wire === 'object' && wire !== null ? decode(wire, receiver, 1) : wire;
}

/** @throws InvalidValue for more digits than a receiver reads. */
export function digitsOf(value: bigint): string {
  const digits = value.toString();
  if (digits.length <= schemaLimits.bigintDigitsMax) return digits;
  throw new InvalidValue(`a bigint of more than ${schemaLimits.bigintDigitsMax} digits cannot be sent`);
}

/** The bigint of its digits; anything else comes out as it is. */
export function bigintOf(wire: unknown): unknown {
  if (typeof wire !== 'string' || wire.length > schemaLimits.bigintDigitsMax) return wire;
  return /^-?\d+$/.test(wire) ? BigInt(wire) : wire;
}

/** Spares the calls below for most values. */
function passesAsIs(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value == null;
}

function encode(value: unknown, depth: number, budget: Encoding): unknown {
  if (passesAsIs(value)) return value;
  if (typeof value === 'object') return encodeObject(value as object, depth, budget);
  if (typeof value === 'bigint') return { $big: digitsOf(value) };
  throw new InvalidValue(`a ${typeof value} cannot be sent`);
}

function encodeObject(value: object, depth: number, budget: Encoding): unknown {
  if (Array.isArray(value)) return encodeArray(value, depth, budget);
  if (isPlainObject(value)) return encodePlainObject(value, depth, budget);
  if (isBytes(value)) return budget.bytes.view(value);
  if (isSendableRef(value)) return { $ref: [value[refProtocolName], value[refToWire]()] };
  if (value instanceof Date) return { $date: checkedTime(value) };
  if (value instanceof Map) return { $map: encodePairs(value, depth + 2, budget) };
  if (value instanceof Set) return { $set: encodeArray([...value], depth + 1, budget) };
  if (value instanceof ArrayBuffer) return { $buffer: budget.bytes.buffer(value) };
  if (isShared(value)) return { $shared: sharedToWire(value) };
  throw unsendable(value);
}

function encodeArray(value: readonly unknown[], depth: number, budget: Encoding): readonly unknown[] {
  budget.enter(depth, value.length);
  let wire: unknown[] | undefined;
  let index = 0;
  try {
    for (; index < value.length; index++) {
      const element = value[index];
      if (passesAsIs(element)) continue;
      const encoded = encode(element, depth + 1, budget);
      if (encoded === element) continue;
      wire ??= value.slice();
      wire[index] = encoded;
    }
  } catch (thrown) {
    throw within(thrown, index);
  }
  return wire ?? value;
}

function encodePlainObject(value: Record<string, unknown>, depth: number, budget: Encoding): object {
  // Before it looks inside: this is where a cycle ends.
  budget.enter(depth, 0);
  let wire: Record<string, unknown> | undefined;
  let count = 0;
  let at = '';
  try {
    for (const key in value) {
      at = key;
      count += 1;
      if (key === '__proto__') throw new InvalidValue('a key "__proto__" cannot be sent');
      const element = value[key];
      if (passesAsIs(element)) continue;
      const encoded = encode(element, depth + 1, budget);
      if (encoded === element) continue;
      wire ??= { ...value };
      wire[key] = encoded;
    }
  } catch (thrown) {
    throw within(thrown, at);
  }
  budget.add(count);
  return count === 1 && at.startsWith('$') ? { $: wire ?? value } : (wire ?? value);
}

function encodePairs(value: ReadonlyMap<unknown, unknown>, depth: number, budget: Encoding): unknown[] {
  budget.enter(depth, 3 * value.size);
  const pairs: unknown[] = [];
  let at: string | number = 0;
  try {
    for (const [key, element] of value) {
      at = pathKey(key, pairs.length);
      pairs.push([encode(key, depth + 1, budget), encode(element, depth + 1, budget)]);
    }
  } catch (thrown) {
    throw within(thrown, at);
  }
  return pairs;
}

function decode(wire: object, receiver: RefReceiver, depth: number): unknown {
  // Our own wire form never nests deeper; this only keeps a hostile one from using up the stack.
  if (depth > schemaLimits.depthMax || isBytes(wire)) return isBytes(wire) ? ownBytes(wire) : wire;
  if (Array.isArray(wire)) return decodeArray(wire, receiver, depth);
  const tagged = wire as Record<string, unknown>;
  let only: string | undefined;
  let count = 0;
  for (const key in tagged) {
    count += 1;
    only = key;
    if (count > 1) break;
  }
  if (count !== 1 || only === undefined || !only.startsWith('$')) return decodeEach(tagged, receiver, depth);
  return decodeTagged(only, tagged, receiver, depth);
}

function decodeArray(wire: readonly unknown[], receiver: RefReceiver, depth: number): readonly unknown[] {
  let value: unknown[] | undefined;
  for (let index = 0; index < wire.length; index++) {
    const element = wire[index];
    if (typeof element !== 'object' || element === null) continue;
    const decoded = decode(element, receiver, depth + 1);
    if (decoded === element) continue;
    value ??= wire.slice();
    value[index] = decoded;
  }
  return value ?? wire;
}

/** An object as it is, but for what its values name themselves to be. A key `__proto__` is left behind. */
function decodeEach(wire: Record<string, unknown>, receiver: RefReceiver, depth: number): object {
  let value: Record<string, unknown> | undefined;
  for (const key in wire) {
    const element = wire[key];
    if (key === '__proto__') {
      value ??= { ...wire };
      delete value[key];
    } else if (typeof element === 'object' && element !== null) {
      const decoded = decode(element, receiver, depth + 1);
      if (decoded === element) continue;
      value ??= { ...wire };
      value[key] = decoded;
    }
  }
  return value ?? wire;
}

function decodeTagged(tag: string, wire: Record<string, unknown>, receiver: RefReceiver, depth: number): unknown {
  const content = wire[tag];
  switch (tag) {
    case '$date':
      return typeof content === 'number' ? new Date(content) : wire;
    case '$big': {
      const value = bigintOf(content);
      return typeof value === 'bigint' ? value : wire;
    }
    case '$buffer':
      return isBytes(content) ? ownBytes(content).buffer : wire;
    case '$shared':
      return isBytes(content) ? sharedFromWire(content) : wire;
    case '$map':
      return isPairs(content) ? new Map(decodeArray(content, receiver, depth + 1) as [unknown, unknown][]) : wire;
    case '$set':
      return Array.isArray(content) ? new Set(decodeArray(content, receiver, depth + 1)) : wire;
    case '$ref': {
      const [protocolName, address] = Array.isArray(content) ? (content as unknown[]) : [];
      return typeof protocolName === 'string' ? (receiver.refFromWire(address, undefined, protocolName) ?? wire) : wire;
    }
    case '$':
      return isPlainObject(content) ? decodeEach(content, receiver, depth + 1) : wire;
    default:
      return decodeEach(wire, receiver, depth);
  }
}

/** True for what can be the entries of a Map. */
export function isPairs(wire: unknown): wire is readonly (readonly [unknown, unknown])[] {
  return Array.isArray(wire) && wire.every((pair) => Array.isArray(pair) && pair.length === 2);
}
