/**
 * The frame codec: one msgpack array per frame, its items laid flat.
 *
 * Between threads of one process objects are packed as records, whose definitions travel inside each frame: half the
 * bytes and half the time of maps, and no state that a lost frame could spoil. Between nodes nothing is learnt from a
 * peer: plain maps only, after a scan that refuses what is not ours.
 */
import { Packr, Unpackr } from 'msgpackr';
import type { BesideBytes } from '../base/beside-bytes.ts';
import { describeThrown } from '../base/errors.ts';
import { limits as base } from '../base/limits.ts';
import { leavingOut, leavingOutParts, putBack, putBackParts } from './beside-frame.ts';
import { FrameRefused } from './errors.ts';
import { transportLimits } from './limits.ts';
import { FrameScanner, type ItemFault, type RefusedItem, type ScanLimits } from './scan.ts';

export interface FrameCodec {
  /** The most bytes that a frame of several messages may have, with those that lie beside it. */
  readonly besideBytesMax: number;
  /**
   * The items as one frame, in an ArrayBuffer of its own and of exactly its size, so that it can be transferred.
   * @param beside Takes the bytes that are to be posted beside the frame, where there are any and the codec leaves such out.
   * @throws FrameRefused when the strict codec's limits are exceeded; `index` names the item where one is at fault.
   */
  pack(items: readonly unknown[], beside?: BesideBytes[]): Uint8Array<ArrayBuffer>;
  /**
   * The items of a frame; binary values are copies of their own. In the place of an item beyond the strict codec's
   * limits stands a `RefusedValue`.
   * @param beside The memory of the bytes that came beside it, in their order.
   * @throws FrameRefused when the frame as a whole cannot or must not be read.
   */
  unpack(frame: Uint8Array, beside?: readonly ArrayBufferLike[]): unknown[];
  /** How a large message is packed apart from its binaries; undefined where there is no such thing. */
  readonly large?: LargeCodec;
}

/** A large message, whose binaries go ahead of it: its fields without these. */
export interface LargeCodec {
  /**
   * @param binaries Takes its large binaries, in the order of their numbers; they are the message's own.
   * @throws FrameRefused when the strict codec's limits are exceeded, but for what is in `binaries`.
   */
  pack(fields: readonly unknown[], binaries: Uint8Array[]): Uint8Array<ArrayBuffer>;
  /**
   * The fields with the binaries in them, each in one place. A field beyond the limits is a `RefusedValue`.
   * @param binaries Undefined where they were not kept: nothing stands in their places then.
   * @throws FrameRefused, and an error where it names another binary or one twice
   */
  unpack(packed: Uint8Array, binaries: readonly Uint8Array[] | undefined): unknown[];
}

/** What stands in the place of an item that the strict codec refused to decode. */
export class RefusedValue {
  readonly fault: ItemFault;

  constructor(fault: ItemFault) {
    this.fault = fault;
  }
}

export interface FrameLimits extends ScanLimits {
  readonly frameBytesMax: number;
}

/** For the threads of one process, which trust each other. `undefined` survives, in objects and in arrays. */
export function recordsCodec(): FrameCodec {
  // msgpackr writes into the options it is given, and a packer that also unpacks shares its record table: hence two.
  const packr = new Packr({ useRecords: true, useToJSON: false });
  const unpackr = new Unpackr({ useRecords: true, copyBuffers: true });
  return {
    besideBytesMax: base.frameBesideBytesMax,
    pack: (items, beside) => ownCopy(leavingOut(packr, items, beside)),
    unpack: (frame, beside) => {
      const items = unpackr.unpack(frame) as unknown[];
      return beside === undefined ? items : putBack(items, beside);
    },
  };
}

/** For links between nodes: what a peer sends is scanned before it is decoded, and our own side keeps to the same. */
export function strictCodec(limits: FrameLimits = transportLimits): FrameCodec {
  const packr = new Packr({ useRecords: false, variableMapSize: true, useToJSON: false });
  const unpackr = new Unpackr({
    useRecords: false,
    mapsAsObjects: true,
    copyBuffers: true,
    int64AsType: 'number',
  });
  const scanner = new FrameScanner(limits);
  const largeScanner = new FrameScanner({ ...limits, parts: true });

  function pack(items: readonly unknown[]): Uint8Array<ArrayBuffer> {
    return checked(
      scanner,
      packStrictly(() => packr.pack(items)),
      limits.frameBytesMax,
    );
  }

  /** A copy of its own of what was packed. @throws FrameRefused */
  function checked(scanner: FrameScanner, packed: Uint8Array, bytesMax: number): Uint8Array<ArrayBuffer> {
    const frame = ownCopy(packed);
    if (frame.length > bytesMax) throw tooLarge(frame.length, bytesMax);
    const verdict = scanner.scan(frame);
    if (verdict === 'ok') return frame;
    const finding = verdict === 'refused' ? scanner.refused[0]!.fault : verdict;
    const index = verdict === 'refused' ? scanner.refused[0]!.index : scanner.index;
    const where = finding === 'items' ? 'the frame' : `item ${index}`;
    const message = `${where} cannot be sent: ${explain(finding, limits)}; make the message smaller or plainer`;
    throw new FrameRefused(finding, message, finding === 'items' ? {} : { index });
  }

  function unpack(frame: Uint8Array, by: FrameScanner = scanner): unknown[] {
    if (frame.length > limits.frameBytesMax) throw tooLarge(frame.length, limits.frameBytesMax);
    const verdict = by.scan(frame);
    if (verdict === 'ok') return unpackr.unpack(frame) as unknown[];
    if (verdict === 'refused') return unpackAround(unpackr, frame, by.refused);
    throw new FrameRefused(verdict, `the frame is refused at item ${by.index}: ${explain(verdict, limits)}`);
  }

  const large: LargeCodec = {
    pack: (fields, binaries) => {
      const packed = packStrictly(() => leavingOutParts(packr, fields, binaries as BesideBytes[]));
      return checked(largeScanner, packed, transportLimits.largeFieldsBytesMax);
    },
    unpack: (packed, binaries) => putBackParts(unpack(packed, largeScanner), binaries),
  };
  return { besideBytesMax: base.frameBytesMax, pack, unpack: (frame) => unpack(frame), large };
}

function packStrictly(pack: () => Uint8Array): Uint8Array {
  try {
    return pack();
  } catch (cause) {
    // A cycle ends here too, as a stack overflow.
    const message = `a value of the frame has no msgpack form: ${describeThrown(cause, 200)}`;
    throw new FrameRefused('value', message, { cause });
  }
}

/** Decodes a frame in which nil stands for each refused item, then puts the refusals into these places. */
function unpackAround(unpackr: Unpackr, frame: Uint8Array, refused: readonly RefusedItem[]): unknown[] {
  const patched = new Uint8Array(frame.length);
  let from = 0;
  let size = 0;
  for (const { start, end } of refused) {
    patched.set(frame.subarray(from, start), size);
    size += start - from;
    patched[size] = 0xc0;
    size += 1;
    from = end;
  }
  patched.set(frame.subarray(from), size);
  size += frame.length - from;
  const items = unpackr.unpack(patched.subarray(0, size)) as unknown[];
  for (const { index, fault } of refused) items[index] = new RefusedValue(fault);
  return items;
}

/** msgpackr packs into a pool that it shares between frames; what is transferred must be alone in its buffer. */
function ownCopy(packed: Uint8Array): Uint8Array<ArrayBuffer> {
  const own = new Uint8Array(packed.length);
  own.set(packed);
  return own;
}

function tooLarge(bytes: number, bytesMax: number): FrameRefused {
  return new FrameRefused('bytes', `a frame of ${bytes} bytes is beyond the limit of ${bytesMax} bytes`);
}

function explain(finding: FrameRefused['finding'], limits: FrameLimits): string {
  switch (finding) {
    case 'empty':
      return 'it is empty';
    case 'not-an-array':
      return 'it is not a msgpack array';
    case 'truncated':
      return 'a length reaches beyond its end';
    case 'trailing':
      return 'bytes follow its only value';
    case 'extension':
      return 'it holds a msgpack extension other than undefined, such as a class instance';
    case 'reserved':
      return 'it holds the byte 0xc1, which msgpack never uses';
    case 'items':
      return `it holds more than ${limits.itemsMax} values`;
    case 'depth':
      return `it nests deeper than ${limits.depthMax} levels`;
    case 'string':
      return `it holds a string of more than ${limits.stringBytesMax} bytes`;
    case 'keys':
      return `it holds a map of more than ${limits.keysMax} keys`;
    case 'key-type':
      return 'it holds a map key that is not a string';
    case 'key-name':
      return 'it holds a key named __proto__';
    case 'key-twice':
      return 'it holds the same key twice in one map';
    case 'integer':
      return 'it holds an integer beyond 2^53 - 1';
    case 'bytes':
      return `it is larger than ${limits.frameBytesMax} bytes`;
    case 'value':
      return 'it holds a value without a msgpack form';
    default: {
      const never: never = finding;
      return never;
    }
  }
}
