/**
 * Bytes in wire form that need not be in the frame which they belong to: a carrier between threads posts them beside it.
 *
 * A class of its own, so that a codec finds them where it meets an instance of a class anyway, and messages without such
 * bytes pay nothing. Whoever makes one has made its buffer too, and nobody else holds it, unless it is shared memory.
 */
export class BesideBytes extends Uint8Array<ArrayBufferLike> {
  /** A slice or a subarray of it is an ordinary array. */
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }

  /** True where the memory is that of all threads: it is posted, and stays with its sender as well. */
  get isShared(): boolean {
    return isSharedMemory(this.buffer);
  }

  /** How many bytes a frame leaves out for it that its receiver then owns. */
  get ownedBytes(): number {
    return this.isShared ? 0 : this.byteLength;
  }
}

/** By what it is and not by its class: memory may come from another realm. */
export function isSharedMemory(buffer: unknown): buffer is SharedArrayBuffer {
  return Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]';
}

/** True for a buffer that was transferred: its bytes are elsewhere. Node 20 has no property that says so. */
export function isDetached(buffer: ArrayBufferLike): boolean {
  if (buffer.byteLength !== 0 || isSharedMemory(buffer)) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/** How many bytes lie beside a frame, as far as its receiver will own them. */
export function bytesBeside(beside: readonly BesideBytes[]): number {
  let bytes = 0;
  for (const one of beside) bytes += one.ownedBytes;
  return bytes;
}

/** The same of what came beside one. */
export function ownedBytes(beside: readonly ArrayBufferLike[]): number {
  let bytes = 0;
  for (const memory of beside) if (!isSharedMemory(memory)) bytes += memory.byteLength;
  return bytes;
}
