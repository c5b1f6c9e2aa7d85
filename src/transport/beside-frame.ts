/**
 * Bytes beside a frame: what the records codec leaves out of it, and puts back on the other side.
 *
 * msgpackr asks an extension for each instance of `BesideBytes`, so a frame without any pays nothing. In the frame stands
 * their number; the carrier posts the memory itself. Between nodes the same is done with the binaries of a large message,
 * which go ahead of it in chunks. Everywhere else they are packed as the bytes that they are.
 */
import { addExtension, type Packr } from 'msgpackr';
import { BesideBytes } from '../base/beside-bytes.ts';

/** The type of the extension that stands for such bytes in a frame. The strict codec lets none in. */
const slotType = 0x53;
/** The type of the extension that stands for a binary of a large message, which is part of the wire protocol. */
export const partType = 0x50;
/** Token, type and number of such an extension. */
export const partBytes = 6;

/** Stands in a frame where bytes are left out. */
class Slot {
  readonly index: number;

  constructor(index: number) {
    this.index = index;
  }
}

/** The same between nodes, where every reader of msgpack must find its end: the number is in the extension. */
class Part {
  readonly index: number;

  constructor(index: number) {
    this.index = index;
  }
}

const leavesOut: unique symbol = Symbol('troupe.leavesOut');
interface Leaving {
  /** Where this packer puts what it leaves out, and what stands there instead; undefined while it leaves out nothing. */
  [leavesOut]?: { readonly into: BesideBytes[]; readonly mark: Mark } | undefined;
}

/** What stands in the place of bytes that are left out. */
type Mark = typeof Slot | typeof Part;

addExtension({
  Class: BesideBytes,
  write(this: Leaving, bytes: BesideBytes) {
    const leaves = this[leavesOut];
    // msgpackr packs what is no instance of a class that it was told of by itself.
    if (leaves === undefined) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new leaves.mark(leaves.into.push(bytes) - 1);
  },
} as never);

addExtension({
  Class: Slot,
  type: slotType,
  write: (slot: Slot) => slot.index,
  read: (index: number) => new Slot(index),
} as never);

addExtension({
  Class: Part,
  type: partType,
  pack: ({ index }: Part) => Uint8Array.of(index >>> 24, index >>> 16, index >>> 8, index),
  unpack: (bytes: Uint8Array) => new Part(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)),
} as never);

/** Packs `items`; what may lie beside the frame is put into `beside`, where that is given. */
export function leavingOut(packr: Packr, items: readonly unknown[], beside: BesideBytes[] | undefined): Uint8Array {
  return packed(packr, items, beside === undefined ? undefined : { into: beside, mark: Slot });
}

/** The same for a large message between nodes. */
export function leavingOutParts(packr: Packr, items: readonly unknown[], parts: BesideBytes[]): Uint8Array {
  return packed(packr, items, { into: parts, mark: Part });
}

function packed(packr: Packr, items: readonly unknown[], leaves: Leaving[typeof leavesOut]): Uint8Array {
  const leaving = packr as Leaving;
  leaving[leavesOut] = leaves;
  try {
    return packr.pack(items);
  } finally {
    leaving[leavesOut] = undefined;
  }
}

/** The fields of a frame with the bytes that came beside it. @throws where the frame names others */
export function putBack(fields: unknown[], beside: readonly ArrayBufferLike[]): unknown[] {
  return filledFields(fields, (mark) => {
    const memory = mark instanceof Slot ? beside[mark.index] : undefined;
    if (memory === undefined) throw new Error('a frame that names bytes which did not come beside it');
    return new BesideBytes(memory);
  });
}

/**
 * The fields of a large message with its binaries, each of which stands in one place: else a small message could name a large
 * one many times over.
 * @param parts Undefined where they were not kept. @throws where it names others, or one twice
 */
export function putBackParts(fields: unknown[], parts: readonly Uint8Array[] | undefined): unknown[] {
  if (parts === undefined) return filledFields(fields, () => new Uint8Array(0));
  const left: (Uint8Array | undefined)[] = [...parts];
  return filledFields(fields, (mark) => {
    const bytes = mark instanceof Part ? left[mark.index] : undefined;
    if (bytes === undefined) throw new Error('a large message that names a binary which did not come, or one twice');
    left[mark.index] = undefined;
    return bytes;
  });
}

type Fill = (mark: Slot | Part) => Uint8Array;

function filledFields(fields: unknown[], fill: Fill): unknown[] {
  for (const [index, field] of fields.entries()) {
    if (typeof field === 'object' && field !== null) fields[index] = filled(field, fill);
  }
  return fields;
}

/** Everything in a frame was made when it was read, so it is filled in place. */
function filled(value: object, fill: Fill): unknown {
  if (value instanceof Slot || value instanceof Part) return fill(value);
  if (ArrayBuffer.isView(value)) return value;
  const parts = value as Record<string, unknown>;
  for (const key of Object.keys(parts)) {
    const part = parts[key];
    if (typeof part === 'object' && part !== null) parts[key] = filled(part, fill);
  }
  return value;
}
