/**
 * Bytes that their sender gives away: `move(buffer)`.
 *
 * A mark on what `move` returns, and nothing else: what becomes of the bytes is decided when a message with them is
 * accepted, see `parcel.ts`.
 */

import { isDetached, isSharedMemory } from '../../base/beside-bytes.ts';
import { UsageError } from '../../base/errors.ts';
import { isBytes } from './plain-object.ts';

const marked = new WeakSet<object>();

/**
 * Marks bytes as given away: a message that holds what this returns takes them along instead of a copy, on the same
 * thread and to another one without copying them. To another node they travel as bytes.
 *
 * The sender's buffer is detached, and all views of it are empty, once the message is accepted: when a tell, an ask or
 * an open stream was taken by the mailbox or the session to its place, when an `offer` resolves, when a reply, an element
 * of a stream, a timer or the arguments of an actor are handed over. A message that is refused leaves the bytes with the
 * sender, as they were. While an offer waits they are still the sender's, and must be left alone.
 *
 * The mark is on what is returned, and stays on it: `buffer` itself is copied as ever. A Uint8Array gives another view of the
 * same memory, an ArrayBuffer gives itself, since there is but one.
 *
 * Copied all the same, and counted in `movesCopied` of `system.statistics()`: a view that is smaller than its buffer, such as
 * a small Buffer in Node's pool, buffers that can be resized, memory that cannot be detached, such as that of
 * WebAssembly, what an offer takes to another place, and all but one of the copies of a broadcast.
 *
 * @param buffer The bytes. After the message was accepted they are the receiver's.
 * @throws UsageError for anything but a Uint8Array or an ArrayBuffer, for shared memory, which cannot be given away, and
 *   for what was given away before
 */
export function move<T extends Uint8Array | ArrayBuffer>(buffer: T): T {
  if (isBytes(buffer)) {
    if (isSharedMemory(buffer.buffer)) throw sharedMemory();
    if (isDetached(buffer.buffer)) throw givenBefore();
    const view = Uint8Array.prototype.subarray.call(buffer, 0);
    marked.add(view);
    return view as T;
  }
  if (isSharedMemory(buffer)) throw sharedMemory();
  if (!(buffer instanceof ArrayBuffer)) {
    throw new UsageError(`move(buffer) takes a Uint8Array or an ArrayBuffer; it was given ${typeof buffer}`);
  }
  if (isDetached(buffer)) throw givenBefore();
  marked.add(buffer);
  return buffer;
}

/** True for what `move` returned. */
export function isGivenAway(value: object): boolean {
  return marked.has(value);
}

/** Takes over the mark: for the runtime, which has one message to deliver later and no use for it itself. */
export function giveAwayAgain<T extends object>(value: T): T {
  marked.add(value);
  return value;
}

function sharedMemory(): UsageError {
  return new UsageError('move(buffer): shared memory cannot be given away; make share(bytes) of it, or send a copy');
}

function givenBefore(): UsageError {
  return new UsageError('move(buffer): these bytes were given away before, so there is nothing left of them');
}
