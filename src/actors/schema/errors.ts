/**
 * What schemas throw while they look at a value. Internal: the runtime turns it into the public `InvalidMessage` at the
 * sender, or into `Rejected(invalid)` at the receiver.
 */
import { describeThrown, TroupeError } from '../../base/errors.ts';

/** A value that does not fit its schema, or cannot be sent at all. Holds no part of the value but the path into it. */
export class InvalidValue extends TroupeError<'InvalidValue'> {
  /** From the outside in: object keys, array indexes, and keys of Maps where these are strings or numbers. */
  readonly path: (string | number)[];
  /** What is wrong with the value at `path`, without the path. */
  readonly reason: string;

  constructor(reason: string, path: readonly (string | number)[] = [], where = 'the value') {
    super('InvalidValue', path.length === 0 ? `${where}: ${reason}` : `${where}, at ${pathText(path)}: ${reason}`);
    this.reason = reason;
    this.path = [...path];
  }
}

/**
 * Thrown by a leaf that meets bytes which go apart from their message, see `parcel.ts`. No finding and no error: it passes
 * through whatever adds a path to those, and never leaves the runtime.
 */
export const apart: unknown = Object.freeze({ code: 'apart' });

/** The same finding one level further out. Whatever else was thrown below (a getter, a proxy) becomes a finding here. */
export function within(thrown: unknown, key: string | number): InvalidValue {
  if (thrown === apart) throw apart;
  const found = asInvalid(thrown);
  return new InvalidValue(found.reason, [key, ...found.path]);
}

/** Whatever a look at a value threw, as a finding. */
export function asInvalid(thrown: unknown): InvalidValue {
  if (thrown instanceof InvalidValue) return thrown;
  if (thrown instanceof RangeError) return new InvalidValue('it is nested too deeply, or in a cycle');
  return new InvalidValue(`looking at it threw ${describeThrown(thrown, 200)}`);
}

/** `items[2].when`, and `["odd key"]` where a key is no identifier. */
function pathText(path: readonly (string | number)[]): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(key)) text += text === '' ? key : `.${key}`;
    else text += `[${JSON.stringify(key.slice(0, 64))}]`;
  }
  return text;
}

/** How an entry of a Map is named in a path. */
export function pathKey(key: unknown, index: number): string | number {
  return typeof key === 'string' || typeof key === 'number' ? key : index;
}
