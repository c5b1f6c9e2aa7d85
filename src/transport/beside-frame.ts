/**
 * Bytes beside a frame: what the records codec leaves out of it, and puts back on the other side.
 *
 * msgpackr asks an extension for each instance of `BesideBytes`, so a frame without any pays nothing. In the frame stands
 * their number; the carrier posts the memory itself. Every other codec packs them as the bytes that they are.
 */
import { addExtension, type Packr } from 'msgpackr';
import { BesideBytes } from '../base/beside-bytes.ts';

/** The type of the extension that stands for such bytes in a frame. The strict codec lets none in. */
const slotType = 0x53;

/** Stands in a frame where bytes are left out. */
class Slot {
  readonly index: number;

  constructor(index: number) {
    this.index = index;
  }
}

const leavesOut: unique symbol = Symbol('troupe.leavesOut');
interface Leaving {
  /** Where this packer puts what it leaves out; undefined while it leaves out nothing. */
  [leavesOut]?: BesideBytes[] | undefined;
}

addExtension({
  Class: BesideBytes,
  write(this: Leaving, bytes: BesideBytes) {
    const beside = this[leavesOut];
    // msgpackr packs what is no instance of a class that it was told of by itself.
    if (beside === undefined) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new Slot(beside.push(bytes) - 1);
  },
} as never);

addExtension({
  Class: Slot,
  type: slotType,
  write: (slot: Slot) => slot.index,
  read: (index: number) => new Slot(index),
} as never);

/** Packs `items`; what may lie beside the frame is put into `beside`, where that is given. */
export function leavingOut(packr: Packr, items: readonly unknown[], beside: BesideBytes[] | undefined): Uint8Array {
  const leaving = packr as Leaving;
  leaving[leavesOut] = beside;
  try {
    return packr.pack(items);
  } finally {
    leaving[leavesOut] = undefined;
  }
}

/** The fields of a frame with the bytes that came beside it. @throws where the frame names others */
export function putBack(fields: unknown[], beside: readonly ArrayBufferLike[]): unknown[] {
  for (const [index, field] of fields.entries()) {
    if (typeof field === 'object' && field !== null) fields[index] = filled(field, beside);
  }
  return fields;
}

/** Everything in a frame was made when it was read, so it is filled in place. */
function filled(value: object, beside: readonly ArrayBufferLike[]): unknown {
  if (value instanceof Slot) {
    const memory = beside[value.index];
    if (memory === undefined) throw new Error('a frame that names bytes which did not come beside it');
    return new BesideBytes(memory);
  }
  if (ArrayBuffer.isView(value)) return value;
  const parts = value as Record<string, unknown>;
  for (const key of Object.keys(parts)) {
    const part = parts[key];
    if (typeof part === 'object' && part !== null) parts[key] = filled(part, beside);
  }
  return value;
}
