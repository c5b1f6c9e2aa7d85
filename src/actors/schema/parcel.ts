/**
 * A message whose bytes go apart from the rest of it: given away by `move`, or too large to be copied more than once.
 *
 * Such a message is rare, so the steps of a codec do not look out for it. The leaf that meets such bytes leaves by
 * throwing `apart`, and whoever sends packs the message anew in a parcel: it is validated and made the receiver's own,
 * with views of the sender's bytes in their places. Then whoever takes it decides. Only `deliver` detaches, and puts in
 * the bytes that the receiver owns; a parcel that is refused has changed nothing.
 */
import { BesideBytes, isDetached } from '../../base/beside-bytes.ts';
import { limits } from '../../base/limits.ts';
import { apart, InvalidValue } from './errors.ts';
import { giveAwayAgain, isGivenAway } from './given-away.ts';
import { type RefOwner, refRebind, type SendableRef } from './ref-rules.ts';
import { replaced } from './replaced-bytes.ts';

/** Where copies of bytes that were given away are counted. */
export interface MoveCounters {
  movesCopied: number;
}

export interface ParcelOptions {
  /** Whose refs in the message become; undefined on the way to another place, where none is kept. */
  readonly owner: RefOwner | undefined;
  /** True on the way to another place: large bytes are set apart from the frame. */
  readonly forWire: boolean;
  /** True where the sender keeps what it gives away, since it gives it to others as well. */
  readonly keeps: boolean;
  readonly counters: MoveCounters | undefined;
}

/** Stands as the owner while the message is copied, so that leaves hand their bytes to it. */
export class Parcel {
  readonly #options: ParcelOptions;
  /** The sender's buffers, as they stand in the content. */
  readonly #given = new Set<ArrayBuffer>();
  #copies = 0;
  /** All bytes of binary values in it. */
  bytes = 0;
  #content: unknown = undefined;
  #finish: ((content: unknown) => unknown) | undefined = undefined;

  /**
   * @param collect Copies the message with the parcel as its owner. @throws InvalidValue, and nothing has been detached
   * @param finish What is still to be done to the content when it is delivered.
   */
  static of(
    options: ParcelOptions,
    collect: (parcel: Parcel) => unknown,
    finish?: (content: unknown) => unknown,
  ): Parcel {
    const parcel = new Parcel(options);
    parcel.#content = collect(parcel);
    parcel.#finish = finish;
    return parcel;
  }

  private constructor(options: ParcelOptions) {
    this.#options = options;
  }

  /** The message, in which the sender's bytes stand where the receiver's will: to be looked at and not kept. */
  get content(): unknown {
    return this.#content;
  }

  // ── what leaves call ──

  /** As an owner of refs. */
  adopt(ref: object): object {
    const { owner } = this.#options;
    return owner === undefined ? ref : (ref as SendableRef)[refRebind](owner);
  }

  takeBytes(view: Uint8Array): Uint8Array {
    refuseDetached(view.buffer);
    this.bytes += view.byteLength;
    if (isGivenAway(view)) {
      const { buffer } = view;
      if (isWhole(view) && !this.#options.keeps) {
        this.#takeGiven(buffer as ArrayBuffer);
        return new BesideBytes(buffer);
      }
      this.#copies += 1;
    }
    return this.#own(copyOfBytes(view).buffer);
  }

  takeBuffer(buffer: ArrayBuffer): ArrayBuffer {
    refuseDetached(buffer);
    this.bytes += buffer.byteLength;
    if (isGivenAway(buffer)) {
      if (!isResizable(buffer) && !this.#options.keeps) {
        this.#takeGiven(buffer);
        return settledBuffer(buffer);
      }
      this.#copies += 1;
    }
    return settledBuffer(copyOfBytes(new Uint8Array(buffer)).buffer as ArrayBuffer);
  }

  #takeGiven(buffer: ArrayBuffer): void {
    if (this.#given.has(buffer)) throw new InvalidValue('these bytes are given away twice in one message');
    this.#given.add(buffer);
  }

  // ── what becomes of it ──

  /**
   * It was accepted: detaches what was given away, and gives the message with the receiver's bytes in it.
   * @param again True where whoever has it now gives the bytes away in turn.
   */
  deliver(again = false): unknown {
    const own = new Map<ArrayBuffer, ArrayBuffer>();
    // All of them first: nothing is detached where one of them has gone meanwhile.
    if (this.#given.size > 0) replaced(this.#content, (buffer) => this.#refuseGone(buffer));
    for (const buffer of this.#given) own.set(buffer, this.#transferred(buffer));
    const { counters } = this.#options;
    if (counters !== undefined) counters.movesCopied += this.#copies;
    return this.#finished(own, again);
  }

  /** What it would deliver, with copies of what the sender keeps until it is known whether its message was taken. */
  copied(): unknown {
    const { counters } = this.#options;
    if (counters !== undefined) counters.movesCopied += this.#given.size;
    return this.kept();
  }

  /** The copies were taken: detaches what they were made of. */
  release(): void {
    // What its sender has given to somebody else meanwhile is gone already.
    for (const buffer of this.#given) if (!isDetached(buffer)) this.#transferred(buffer);
  }

  /** True where the sender gives something away. */
  get gives(): boolean {
    return this.#given.size > 0;
  }

  /** It was refused: the message with copies of what the sender keeps, for whoever reads dead letters. */
  kept(): unknown {
    const own = new Map<ArrayBuffer, ArrayBuffer>();
    if (this.#given.size > 0) replaced(this.#content, (buffer) => this.#refuseGone(buffer));
    for (const buffer of this.#given) own.set(buffer, copyOfBytes(new Uint8Array(buffer)).buffer as ArrayBuffer);
    return this.#finished(own);
  }

  #finished(own: ReadonlyMap<ArrayBuffer, ArrayBuffer>, again = false): unknown {
    const content =
      own.size === 0
        ? this.#content
        : replaced(this.#content, (buffer) => {
            const found = own.get(buffer as ArrayBuffer);
            if (found === undefined) return undefined;
            if (!again) return { buffer: found, view: () => this.#own(found) };
            return { buffer: giveAwayAgain(found), view: () => giveAwayAgain(this.#own(found)) };
          });
    return this.#finish === undefined ? content : this.#finish(content);
  }

  #refuseGone(buffer: ArrayBufferLike): undefined {
    if (isDetached(buffer)) throw new InvalidValue('these bytes were given away elsewhere before they were taken');
    return undefined;
  }

  #transferred(buffer: ArrayBuffer): ArrayBuffer {
    let own: ArrayBuffer;
    try {
      own = structuredClone(buffer, { transfer: [buffer] });
    } catch {
      own = copyOfBytes(new Uint8Array(buffer)).buffer as ArrayBuffer;
    }
    // Memory that cannot be detached is cloned by some versions of Node, and refused by others.
    if (buffer.byteLength > 0) this.#copies += 1;
    return settledBuffer(own);
  }

  /** Bytes that nobody else holds. */
  #own(buffer: ArrayBufferLike): Uint8Array {
    const isApart = this.#options.forWire && buffer.byteLength >= limits.besideBytesMin;
    return isApart ? new BesideBytes(buffer) : new Uint8Array(buffer);
  }
}

/** Buffers that a parcel has dealt with, so that they may become wire form. */
const settled = new WeakSet<ArrayBuffer>();

function settledBuffer(buffer: ArrayBuffer): ArrayBuffer {
  settled.add(buffer);
  return buffer;
}

/** A copy step for bytes. @throws `apart` where they were given away, InvalidValue where they are gone */
export function ownCopyOf(view: Uint8Array, owner: RefOwner): Uint8Array {
  if (owner instanceof Parcel) return owner.takeBytes(view);
  if (isGivenAway(view)) throw apart;
  refuseDetached(view.buffer);
  return copyOfBytes(view);
}

/** The same for a buffer. */
export function ownCopyOfBuffer(buffer: ArrayBuffer, owner: RefOwner): ArrayBuffer {
  if (owner instanceof Parcel) return owner.takeBuffer(buffer);
  if (isGivenAway(buffer)) throw apart;
  refuseDetached(buffer);
  return copyOfBytes(new Uint8Array(buffer)).buffer as ArrayBuffer;
}

/**
 * The wire form of bytes: a copy, since it is read only when its frame is packed, and their owner may change them by then.
 * @throws `apart` where they were given away or are large
 */
export function wireBytesOf(view: Uint8Array): Uint8Array {
  // A parcel's, or off another wire.
  if (view instanceof BesideBytes) return view;
  if (view.byteLength >= limits.besideBytesMin || isGivenAway(view)) throw apart;
  refuseDetached(view.buffer);
  return copyOfBytes(view);
}

/** The same for a buffer. */
export function wireBytesOfBuffer(buffer: ArrayBuffer): Uint8Array {
  if (settled.has(buffer)) {
    return buffer.byteLength >= limits.besideBytesMin ? new BesideBytes(buffer) : new Uint8Array(buffer);
  }
  if (buffer.byteLength >= limits.besideBytesMin || isGivenAway(buffer)) throw apart;
  refuseDetached(buffer);
  return copyOfBytes(new Uint8Array(buffer));
}

/** True for a view of all of a buffer, which can then go with it. */
function isWhole({ buffer, byteLength }: Uint8Array): boolean {
  return byteLength === buffer.byteLength && !isResizable(buffer as ArrayBuffer);
}

/** Who holds a resizable buffer can change its size; the receiver is to get one that stays as it is. */
function isResizable(buffer: ArrayBuffer & { readonly resizable?: boolean }): boolean {
  return buffer.resizable === true;
}

function copyOfBytes(view: Uint8Array): Uint8Array {
  try {
    return new Uint8Array(view);
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    const size = `${view.byteLength} bytes`;
    throw new InvalidValue(
      `there is no memory for a copy of ${size}; give them away with move(…), or send them in parts`,
    );
  }
}

function refuseDetached(buffer: ArrayBufferLike): void {
  if (buffer.byteLength === 0 && isDetached(buffer)) {
    throw new InvalidValue('these bytes were given away before; nothing of them is left here');
  }
}
