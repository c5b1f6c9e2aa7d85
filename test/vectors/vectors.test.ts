/** The vectors of the wire protocol: the code writes and reads exactly these, and a reader of no common code understands them. */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Kind } from '../../src/runtime/items.ts';
import { Assembly, AssemblyBudget } from '../../src/transport/assembly.ts';
import { strictCodec } from '../../src/transport/frame-codec.ts';
import { decodeEnvelope } from '../../src/transport/node-envelope.ts';
import { decodeProfile } from '../../src/transport/node-profile.ts';
import { absent, readFields } from '../corpus/msgpack.ts';
import { noted, vectors } from './vectors.ts';

interface Bytes {
  readonly bytes: string;
}
interface Vectors {
  readonly handshakes: readonly {
    readonly secret: string | null;
    readonly cluster: string;
    readonly dialer: { readonly nodeId: string; readonly nonce: string };
    readonly listener: { readonly nodeId: string; readonly nonce: string };
    readonly messages: readonly string[];
  }[];
  readonly profiles: readonly (Bytes & { readonly items: readonly unknown[] })[];
  readonly envelopes: readonly (Bytes & Readonly<Record<string, unknown>>)[];
  readonly frames: readonly (Bytes & { readonly what: string; readonly fields: readonly unknown[] })[];
  readonly rows: readonly { readonly description: string; readonly shape: number }[];
  readonly largeMessage: {
    readonly message: readonly unknown[];
    readonly fields: readonly unknown[];
    readonly packed: string;
    readonly frames: readonly string[];
    readonly givenUp: readonly string[];
  };
  readonly refusedFrames: readonly (Partial<Bytes> & { readonly what: string; readonly field?: number })[];
}

const url = new URL('../../docs/wire-vectors.json', import.meta.url);
const file = JSON.parse(readFileSync(url, 'utf8')) as Vectors;
const from = (text: string): Buffer => Buffer.from(text, 'hex');
const codec = strictCodec();

describe('the code', () => {
  it('writes exactly the vectors of docs/wire-vectors.json, and refuses what they refuse', () => {
    expect(JSON.parse(JSON.stringify(vectors()))).toEqual(file);
  });

  it('reads its frames, envelopes and profiles', () => {
    for (const { bytes, fields } of file.frames) expect(noted(codec.unpack(from(bytes)))).toEqual(fields);
    for (const { bytes, ...envelope } of file.envelopes) {
      const read = decodeEnvelope(from(bytes));
      expect('frame' in read ? { ...read, frame: Buffer.from(read.frame).toString('hex') } : read).toEqual(envelope);
    }
    for (const { bytes, items } of file.profiles) {
      const envelope = decodeEnvelope(from(bytes));
      const profile = envelope.kind === 'profile' ? decodeProfile(envelope.bytes, 'n1~a1') : undefined;
      const [nodeId, threads, roles] = items;
      expect(profile).toMatchObject({ nodeId, threads, roles });
    }
  });

  it('puts a large message together, and forgets one that is given up', () => {
    const { frames, givenUp, message } = file.largeMessage;
    const budget = new AssemblyBudget();
    const assembly = new Assembly(budget);
    for (const text of [...givenUp, ...frames]) {
      const [kind, size, data] = codec.unpack(from(text)).slice(5) as [number, number, Uint8Array];
      if (kind === Kind.chunk) assembly.chunk(size, data);
      else expect(noted(codec.large!.unpack(data, assembly.whole(size)))).toEqual(message);
    }
    expect(budget.bytes).toBe(0);
  });

  it('has an item of every kind that one node says to another', () => {
    const kinds = new Set(file.frames.map(({ what }) => what));
    const others = new Set(['adopt', 'handed', 'begin', 'pass', 'expect', 'chunk', 'large']);
    expect(Object.keys(Kind).filter((kind) => !others.has(kind) && !kinds.has(kind))).toEqual([]);
  });
});

/** A value of the other reader in the notation of the file. */
function plain(value: unknown): unknown {
  if (value === absent) return { $undefined: true };
  if (typeof value === 'object' && value !== null && 'part' in value) return { $part: value.part };
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return noted(value);
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}
const valuesOf = (bytes: Buffer): readonly unknown[] => readFields(bytes).map(({ value }) => plain(value));

/** MurmurHash3 x86 32 over UTF-16 code units, two to a block, as the document says. */
function murmur3(text: string): number {
  const mul = Math.imul;
  const rotated = (value: number, by: number): number => (value << by) | (value >>> (32 - by));
  const data = Buffer.from(text, 'utf16le');
  let hash = 0;
  const mixed = (word: number): number => mul(rotated(mul(word, 0xcc9e_2d51), 15), 0x1b87_3593);
  let at = 0;
  for (; at + 4 <= data.length; at += 4) hash = mul(rotated(hash ^ mixed(data.readInt32LE(at)), 13), 5) + 0xe654_6b64;
  if (at < data.length) hash ^= mixed(data.readUInt16LE(at));
  hash ^= data.length;
  hash = mul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = mul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

describe('a reader that shares no code with the package', () => {
  it('finds the fields of every frame and profile', () => {
    for (const { bytes, fields } of file.frames) expect(valuesOf(from(bytes))).toEqual(fields);
    for (const { bytes, items } of file.profiles) {
      expect(from(bytes)[0]).toBe(0x14);
      expect(valuesOf(from(bytes).subarray(1))).toEqual(items);
    }
  });

  it.each(file.handshakes)('computes the handshake from its nonces: secret $secret', (given) => {
    const { secret, cluster, dialer, listener, messages } = given;
    const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');
    const sized = (text: string): Buffer => Buffer.concat([Buffer.of(text.length), ascii(text)]);
    const mode = secret === null ? 0 : 1;
    const hello = ({ nodeId, nonce }: typeof dialer, side: number): Buffer =>
      Buffer.concat([
        ...[ascii('TRPE'), Buffer.of(1, 1, side, mode), from(nonce)],
        ...[Buffer.of(nodeId.length, cluster.length), ascii(nodeId), ascii(cluster)],
      ]);
    const proof = (side: number): Buffer => {
      const mac = createHmac('sha256', secret ?? '')
        .update(Buffer.concat([ascii('troupe.v1 node proof'), Buffer.of(1, side, mode)]))
        .update(Buffer.concat([from(dialer.nonce), from(listener.nonce)]))
        .update(Buffer.concat([sized(dialer.nodeId), sized(listener.nodeId), sized(cluster)]))
        .digest();
      return Buffer.concat([ascii('TRPE'), Buffer.of(2, 1), mac, mac]);
    };
    const own = [hello(dialer, 1), hello(listener, 2), proof(1), proof(2)];
    expect(own.map((message) => message.toString('hex'))).toEqual(messages);
  });

  it('computes the shapes of operations from their descriptions', () => {
    for (const { description, shape } of file.rows) expect(murmur3(description)).toBe(shape);
  });

  it('puts a large message together', () => {
    const { frames, fields, packed, message } = file.largeMessage;
    const binaries: Buffer[] = [];
    let rest: Buffer | undefined;
    for (const text of frames) {
      const [kind, size, data] = readFields(from(text))
        .slice(5)
        .map(({ value }) => value) as [number, number, Buffer];
      if (kind === Kind.large) {
        expect(size).toBe(binaries.length);
        rest = data;
      } else if (size > 0) binaries.push(data);
      else binaries.push(Buffer.concat([binaries.pop()!, data]));
    }
    expect(rest!.toString('hex')).toBe(packed);
    expect(valuesOf(rest!)).toEqual(fields);
    const filled = JSON.stringify(fields).replace(/\{"\$part":(\d)\}/g, (_, index) =>
      JSON.stringify(noted(binaries[Number(index)]!)),
    );
    expect(JSON.parse(filled)).toEqual(message);
  });
});
