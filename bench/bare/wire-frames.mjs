/** Frames on raw TCP, as bare as can be: four bytes of length, then one msgpack array of flat items. */

/** An item of a batch has as many fields as one of ours: kind, cell, operation, message. */
export const fieldsPerItem = 4;

/** `packed` behind its length. */
export function framed(packed) {
  const frame = Buffer.allocUnsafe(4 + packed.length);
  frame.writeUInt32LE(packed.length);
  frame.set(packed, 4);
  return frame;
}

/** Cuts what arrives into frames. */
export class FrameReader {
  #onFrame;
  #rest = Buffer.alloc(0);

  constructor(onFrame) {
    this.#onFrame = onFrame;
  }

  read(chunk) {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= 4) {
      const end = 4 + bytes.readUInt32LE();
      if (bytes.length < end) break;
      this.#onFrame(bytes.subarray(4, end));
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }
}
