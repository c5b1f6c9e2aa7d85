/**
 * A reader of the msgpack that the protocol allows, which shares no code with the package: as short as another
 * implementation's would be.
 */
import { Buffer } from 'node:buffer';

/** A value, and where it ends. */
export interface Read {
  readonly value: unknown;
  readonly end: number;
}

/** What stands for `undefined`, so that tests see it. */
export const absent: unique symbol = Symbol('undefined');

export function readValue(bytes: Buffer, at: number): Read {
  const token = bytes[at]!;
  const next = at + 1;
  if (token < 0x80) return { value: token, end: next };
  if (token < 0x90) return readMap(bytes, next, token & 0x0f);
  if (token < 0xa0) return readArray(bytes, next, token & 0x0f);
  if (token < 0xc0) return readText(bytes, next, token & 0x1f);
  if (token >= 0xe0) return { value: token - 256, end: next };
  switch (token) {
    case 0xc0:
      return { value: null, end: next };
    case 0xc2:
    case 0xc3:
      return { value: token === 0xc3, end: next };
    case 0xc4:
      return readBinary(bytes, next + 1, bytes.readUInt8(next));
    case 0xc5:
      return readBinary(bytes, next + 2, bytes.readUInt16BE(next));
    case 0xc6:
      return readBinary(bytes, next + 4, bytes.readUInt32BE(next));
    case 0xca:
      return { value: bytes.readFloatBE(next), end: next + 4 };
    case 0xcb:
      return { value: bytes.readDoubleBE(next), end: next + 8 };
    case 0xcc:
      return { value: bytes.readUInt8(next), end: next + 1 };
    case 0xcd:
      return { value: bytes.readUInt16BE(next), end: next + 2 };
    case 0xce:
      return { value: bytes.readUInt32BE(next), end: next + 4 };
    case 0xcf:
      return { value: Number(bytes.readBigUInt64BE(next)), end: next + 8 };
    case 0xd0:
      return { value: bytes.readInt8(next), end: next + 1 };
    case 0xd1:
      return { value: bytes.readInt16BE(next), end: next + 2 };
    case 0xd2:
      return { value: bytes.readInt32BE(next), end: next + 4 };
    case 0xd3:
      return { value: Number(bytes.readBigInt64BE(next)), end: next + 8 };
    case 0xd4:
      if (bytes[next] !== 0 || bytes[next + 1] !== 0) throw new Error('another extension than undefined');
      return { value: absent, end: next + 2 };
    case 0xd6:
      if (bytes[next] !== 0x50) throw new Error('another extension than that of a part');
      return { value: { part: bytes.readUInt32BE(next + 1) }, end: next + 5 };
    case 0xd9:
      return readText(bytes, next + 1, bytes.readUInt8(next));
    case 0xda:
      return readText(bytes, next + 2, bytes.readUInt16BE(next));
    case 0xdb:
      return readText(bytes, next + 4, bytes.readUInt32BE(next));
    case 0xdc:
      return readArray(bytes, next + 2, bytes.readUInt16BE(next));
    case 0xdd:
      return readArray(bytes, next + 4, bytes.readUInt32BE(next));
    case 0xde:
      return readMap(bytes, next + 2, bytes.readUInt16BE(next));
    case 0xdf:
      return readMap(bytes, next + 4, bytes.readUInt32BE(next));
    default:
      throw new Error(`the token ${token} is not allowed`);
  }
}

/** The values of the array that `bytes` are, and where each lies. @throws where it is no array, or more than one value */
export function readFields(bytes: Buffer): readonly (Read & { readonly start: number })[] {
  const token = bytes[0]!;
  const [count, from] =
    token >>> 4 === 9
      ? [token & 0x0f, 1]
      : token === 0xdc
        ? [bytes.readUInt16BE(1), 3]
        : token === 0xdd
          ? [bytes.readUInt32BE(1), 5]
          : [-1, 0];
  if (count < 0) throw new Error('no array');
  const fields: (Read & { readonly start: number })[] = [];
  let at = from;
  for (let index = 0; index < count; index += 1) {
    const read = readValue(bytes, at);
    fields.push({ ...read, start: at });
    at = read.end;
  }
  if (at !== bytes.length) throw new Error('bytes behind the array');
  return fields;
}

function readText(bytes: Buffer, from: number, length: number): Read {
  return { value: bytes.toString('utf8', from, from + length), end: from + length };
}

function readBinary(bytes: Buffer, from: number, length: number): Read {
  return { value: bytes.subarray(from, from + length), end: from + length };
}

function readArray(bytes: Buffer, from: number, count: number): Read {
  const value: unknown[] = [];
  let at = from;
  for (let index = 0; index < count; index += 1) {
    const read = readValue(bytes, at);
    value.push(read.value);
    at = read.end;
  }
  return { value, end: at };
}

function readMap(bytes: Buffer, from: number, count: number): Read {
  const value: Record<string, unknown> = {};
  let at = from;
  for (let index = 0; index < count; index += 1) {
    const key = readValue(bytes, at);
    const read = readValue(bytes, key.end);
    value[String(key.value)] = read.value;
    at = read.end;
  }
  return { value, end: at };
}

/** An integer as msgpack. */
export function integer(value: number): Buffer {
  if (value >= 0 && value < 0x80) return Buffer.from([value]);
  if (value >= 0 && value < 0x1_0000) return Buffer.from([0xcd, value >>> 8, value & 0xff]);
  const bytes = Buffer.alloc(9);
  bytes[0] = 0xd3;
  bytes.writeBigInt64BE(BigInt(value), 1);
  return bytes;
}

/** The head of an array of so many values. */
export function arrayHead(count: number): Buffer {
  if (count < 16) return Buffer.from([0x90 | count]);
  return Buffer.from([0xdd, count >>> 24, (count >>> 16) & 0xff, (count >>> 8) & 0xff, count & 0xff]);
}

/** Binary as msgpack. */
export function binary(bytes: Buffer): Buffer {
  const { length } = bytes;
  return Buffer.concat([
    Buffer.from([0xc6, length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff]),
    bytes,
  ]);
}
