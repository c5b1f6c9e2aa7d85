/**
 * Test vectors of the wire protocol, made by the code: `docs/wire-vectors.json` holds them for other implementations.
 *
 * In values that JSON has no form for, `{"$binary": "00ff"}` is binary, `{"$undefined": true}` the extension `d4 00 00`,
 * `{"$number": "NaN"}` a number that JSON does not have, and `{"$part": 0}` the extension of a part.
 */
import * as z from 'zod';
import { compiledProtocol } from '../../src/actors/operation.ts';
import { ask, protocol, tell } from '../../src/actors/protocol.ts';
import { bytes } from '../../src/actors/schema/bytes.ts';
import { BesideBytes } from '../../src/base/beside-bytes.ts';
import { fieldsOfKind, Kind, pieceItems } from '../../src/runtime/items.ts';
import { FrameRefused } from '../../src/transport/errors.ts';
import { RefusedValue, strictCodec } from '../../src/transport/frame-codec.ts';
import { Handshake } from '../../src/transport/handshake.ts';
import { transportLimits } from '../../src/transport/limits.ts';
import {
  decodeEnvelope,
  encodeFrame,
  encodePing,
  encodePlaceDown,
  encodePong,
  encodeProfileEnvelope,
} from '../../src/transport/node-envelope.ts';
import { encodeProfile } from '../../src/transport/node-profile.ts';
import { Secret } from '../../src/transport/secret.ts';
import { wireVersion } from '../../src/transport/wire-version.ts';

const codec = strictCodec();
/** Packs what is beyond the limits. */
const generous = strictCodec({ ...transportLimits, depthMax: 100, keysMax: 10_000, stringBytesMax: 2_000_000 });
const secretText = 'a shared secret of 32 bytes or more';
const [oneToken, otherToken] = ['0123456789abcdef'.repeat(2), 'fedcba9876543210'.repeat(2)];

export const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex');

/** A value as JSON. */
export function noted(value: unknown): unknown {
  if (value === undefined) return { $undefined: true };
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) };
  if (value instanceof Uint8Array) return { $binary: hex(value) };
  if (Array.isArray(value)) return value.map(noted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, noted(part)]));
}

function handshake(secret: string | undefined) {
  const of = (side: 'dialer' | 'listener', nodeId: string, fill: number) => {
    const nonce = new Uint8Array(32).fill(fill);
    const own = secret === undefined ? undefined : new Secret(Buffer.from(secret));
    return { nodeId, nonce, handshake: new Handshake({ side, nodeId, clusterId: 'troupe', secret: own, nonce }) };
  };
  const [dialer, listener] = [of('dialer', 'n1~a1', 0x11), of('listener', 'n2~b2', 0x22)];
  const messages = [dialer.handshake.start()!];
  for (const receiver of [listener, dialer, listener, dialer]) {
    const step = receiver.handshake.receive(messages.at(-1)!);
    if (step.kind === 'refused') throw new Error(step.detail);
    if (step.send !== undefined) messages.push(step.send);
  }
  return {
    secret: secret ?? null,
    cluster: 'troupe',
    dialer: { nodeId: dialer.nodeId, nonce: hex(dialer.nonce) },
    listener: { nodeId: listener.nodeId, nonce: hex(listener.nonce) },
    messages: messages.map(hex),
  };
}

/** How a listener of the handshake above answers to a hello, or to a proof after the right hello. */
function refusedHandshakes() {
  const { messages } = handshake(secretText);
  const [hello, , proof] = messages.map((text) => Buffer.from(text, 'hex')) as [Buffer, Buffer, Buffer];
  const changed = (from: Buffer, at: number, to: number): Buffer => {
    const copy = Buffer.from(from);
    copy[at] = to;
    return copy;
  };
  const cases: [what: string, first: Buffer, second?: Buffer][] = [
    ['other magic bytes', changed(hello, 0, 0x55)],
    ['another version', changed(hello, 5, 9)],
    ['a proof in place of the hello', proof],
    ['the side of the receiver', changed(hello, 6, 2)],
    ['a mode that there is not', changed(hello, 7, 2)],
    ['a byte behind the end', Buffer.concat([hello, Buffer.of(0)])],
    ['a node id that begins with a dot', changed(hello, 42, 0x2e)],
    ['a proof by another key', hello, changed(proof, 6, proof[6]! ^ 1)],
    ['a proof that is cut off', hello, proof.subarray(0, 69)],
    ['a hello that says it has no secret', changed(hello, 7, 0), proof],
  ];
  return cases.map(([what, first, second]) => {
    const secret = new Secret(Buffer.from(secretText));
    const nonce = new Uint8Array(32).fill(0x22);
    const listener = new Handshake({ side: 'listener', nodeId: 'n2~b2', clusterId: 'troupe', secret, nonce });
    let step = listener.receive(first);
    if (second !== undefined) {
      // Both MACs of a proof by another key are wrong.
      const both = what.includes('another key') ? changed(second, 38, second[6]!) : second;
      step = listener.receive(both);
      second = both;
    }
    if (step.kind !== 'refused') throw new Error(`${what} is not refused`);
    const said = second === undefined ? [first] : [first, second];
    return { what, messages: said.map(hex), code: step.code, text: step.text };
  });
}

const envelopes = (): object[] => [
  {
    kind: 'frame',
    source: 'main',
    target: 't1',
    frame: '9500000000c2',
    bytes: hex(encodeFrame('main', 't1', Buffer.from('9500000000c2', 'hex'))),
  },
  { kind: 'ping', number: 1, bytes: hex(encodePing(1)) },
  { kind: 'pong', number: 4_294_967_295, bytes: hex(encodePong(4_294_967_295)) },
  { kind: 'place-down', thread: 't1', bytes: hex(encodePlaceDown('t1')) },
];

const refusedEnvelopes = (): object[] =>
  [
    '',
    '15',
    '10',
    '100461',
    '1003612f62046d61696e91',
    '10046d61696e046d61696e',
    '110000',
    '13022f78',
    '1302733178',
  ].map((bytes) => {
    const envelope = decodeEnvelope(Buffer.from(bytes, 'hex'));
    if (envelope.kind !== 'malformed') throw new Error(`${bytes} is not refused`);
    return { bytes, code: 4003, text: `malformed ${envelope.field}` };
  });

function profiles(): object[] {
  const profile = { nodeId: 'n1~a1', roles: ['gpu'], fingerprints: { counter: 'f1' }, threads: 2 };
  const offer = { token: oneToken, resume: undefined };
  return [
    { what: 'of wire version 1, which resumes nothing', of: profile },
    { what: 'of wire version 1', of: { ...profile, association: offer } },
    { what: `of wire version ${wireVersion}`, of: { ...profile, association: offer, wire: wireVersion } },
    {
      what: 'that would go on with an association',
      of: { ...profile, association: { ...offer, resume: [oneToken, otherToken] as const }, wire: wireVersion },
    },
  ].map(({ what, of }) => {
    const packed = encodeProfile(of);
    return { what, items: noted(codec.unpack(packed)), bytes: hex(encodeProfileEnvelope(packed)) };
  });
}

/** An item of each kind that one node says to another. */
const place = 'n1~a1/t1';
const itemExamples: readonly (readonly unknown[])[] = [
  [Kind.name, 0, 'counter.inc', null],
  [Kind.name, 1, 'counter.inc', 123_456_789],
  [Kind.tell, 7, 0, 2, [{ by: 1 }, { by: 2, note: undefined }]],
  [Kind.tell, 7, 1, 2, [1, undefined, 2, 'text']],
  [Kind.ask, 1, 7, 0, { by: 1 }, 5_000, null],
  [Kind.ask, 2, 7, 0, { by: 1 }, 4_999.5, [place, 3, 9]],
  [Kind.offer, 3, 7, 0, { by: 1 }, 5_000],
  [Kind.stream, 4, 7, 0, null, 256],
  [Kind.spawn, 5, 'counter', { start: 1 }, null],
  [Kind.stop, 6, 7, 2, 1_000],
  [Kind.reply, 1, { data: Uint8Array.of(0, 255) }],
  [Kind.failure, 2, ['Rejected', 'the mailbox is full', ['full', null]]],
  [Kind.item, 4, -1.5],
  [Kind.end, 4],
  [Kind.cancel, 2],
  [Kind.grant, 4, 512],
  [Kind.pressure, 7, true],
  [Kind.watch, 1, 7],
  [Kind.unwatch, 1],
  [Kind.terminated, 1, 'stopped'],
  [Kind.link, 7, 9, '/counter', 'counter'],
  [Kind.unlink, 7, 9],
  [Kind.shape, 0, 123_456_789],
  [Kind.move, 8, 7, place, 5_000],
  [Kind.fence, 9, 7],
  [Kind.route, 7, place, '/counter', 'counter', 1, 'n1~a1/t2', 3],
  [Kind.moved, 4, 'token'],
  [Kind.attach, 10, 7, 'counter.changes', 'token', 3, 259],
  [Kind.watchAgain, 2, 7],
  [Kind.linkOf, 7, place, 9, '/counter', 'counter'],
  [Kind.unlinkOf, 7, place, 9],
  [Kind.place, 11, 'counter', {}, null, 3, '/boss/counter', 3],
  [Kind.restart, 12, 7, true],
  [Kind.escalated, 7, ['ActorFailed', 'it failed', null]],
  [Kind.job, 1, 7, 0, { by: 1 }, 13, 5_000, null],
  [Kind.done, 1],
  [Kind.probe, 1, [1_700_000_000_000, 1, 'n1~a1/main#1'], null, 7, ['troupe://n1~a1/main/counter#7']],
];

function frames(): object[] {
  const header = [0, 0, 0, 16_384, false];
  const shown: [string, readonly unknown[]][] = [
    ['counts alone', [12, 7, 5, 16_391, true]],
    ['a resume frame', [-1, 7, 5, 16_391, false]],
    ['two items', [...header, ...itemExamples[0]!, ...itemExamples[2]!]],
    [
      'integers',
      [...header, Kind.reply, 1, [0, 127, 128, 65_536, 4_294_967_296, 9_007_199_254_740_991, -1, -33, -129]],
    ],
    ['floats', [...header, Kind.reply, 1, [0.5, 1.1, Number.NaN, Number.NEGATIVE_INFINITY]]],
    ['texts', [...header, Kind.reply, 1, ['', 'ü€😀', 'x'.repeat(40)]]],
    ['nested values', [...header, Kind.reply, 1, { a: [{ b: [] }, {}], c: true, d: null }]],
    ...itemExamples.map((item): [string, readonly unknown[]] => {
      const [name] = Object.entries(Kind).find(([, kind]) => kind === item[0])!;
      if (item.length !== fieldsOfKind[item[0] as number]) throw new Error(`${name} has other fields`);
      return [name, [...header, ...item]];
    }),
  ];
  return shown.map(([what, fields]) => ({ what, fields: noted(fields), bytes: hex(codec.pack(fields)) }));
}

/** A reply of two binaries, as it is laid down in frames; chunks of a real node have 65,536 bytes. */
function largeMessage(): object {
  const binaries: Uint8Array[] = [];
  const values = [Uint8Array.of(1, 2, 3, 4, 5), Uint8Array.of(6, 7)];
  const message = [
    Kind.reply,
    1,
    { list: values.map(({ buffer }) => new BesideBytes(buffer)), small: Uint8Array.of(8) },
  ];
  const packed = codec.large!.pack(message, binaries);
  const pieces = [
    pieceItems.chunk(5, values[0]!.subarray(0, 3)),
    pieceItems.chunk(0, values[0]!.subarray(3)),
    pieceItems.chunk(2, values[1]!),
    pieceItems.whole(2, packed),
  ];
  const given = { list: [{ $part: 0 }, { $part: 1 }], small: noted(Uint8Array.of(8)) };
  return {
    message: noted(message),
    fields: [Kind.reply, 1, given],
    packed: hex(packed),
    frames: pieces.map((item, sequence) => hex(codec.pack([sequence, 0, 0, 16_384, false, ...item]))),
    givenUp: [pieceItems.chunk(5, values[0]!.subarray(0, 3)), pieceItems.chunk(0, new Uint8Array(0))].map(
      (item, sequence) => hex(codec.pack([sequence, 0, 0, 16_384, false, ...item])),
    ),
  };
}

const Rows = protocol('rows', {
  flat: tell(z.object({ b: z.int(), a: z.string(), gone: z.int().optional(), nothing: z.null().optional() })),
  literal: tell(z.object({ type: z.literal('inc'), n: z.int() })),
  nested: tell(z.object({ list: z.array(z.object({ y: z.int(), x: z.int() })) })),
  union: tell(
    z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('a'), n: z.number() }),
      z.object({ kind: z.literal('b'), of: z.record(z.string(), z.boolean()) }),
    ]),
  ),
  binary: tell(z.object({ data: bytes(), at: z.date() })),
  nothing: ask({ output: z.int() }),
  value: tell(z.array(z.int())),
});

function rows(): object[] {
  const examples: [string, unknown][] = [
    ['flat', { b: 1, a: 'x', gone: 2, nothing: null }],
    ['flat', { b: 1, a: 'x' }],
    ['literal', { type: 'inc', n: 5 }],
    [
      'nested',
      {
        list: [
          { y: 1, x: 2 },
          { y: 3, x: 4 },
        ],
      },
    ],
    ['union', { kind: 'a', n: 1.5 }],
    ['union', { kind: 'b', of: { x: true } }],
    ['binary', { data: Uint8Array.of(1, 2), at: new Date(1_700_000_000_000) }],
    ['nothing', undefined],
    ['value', [1, 2]],
  ];
  const { operations } = compiledProtocol(Rows);
  return examples.map(([name, message]) => {
    const operation = operations.get(name)!;
    const parsed = operation.input.parse(message);
    const row: unknown[] = [];
    operation.input.row.write(parsed, row);
    const named: unknown[] = [];
    operation.input.named.write(parsed, named);
    return {
      operation: operation.label,
      description: operation.describe(),
      shape: operation.shape,
      named: noted(named[0]),
      row: noted(row),
    };
  });
}

/** Frames that are refused as a whole, and frames of which one field is. */
function refusedFrames(): object[] {
  const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
  const head = '960000 00cd4000c2'.replaceAll(' ', '');
  const cases: [string, string][] = [
    ['empty', ''],
    ['no array', 'c0'],
    ['a length beyond the end', 'ddffffffff'],
    ['a text beyond the end', `${head}dbffffffff`],
    ['bytes behind the array', '9500000000c2c0'],
    ['a timestamp', `${head}d6ff00000000`],
    ['another extension of one byte', `${head}d40100`],
    ['the sign of a part, which stands in large messages alone', `${head}d65000000000`],
    ['the byte 0xc1', `${head}c1`],
    ['more than 100,000 values', `${head}dd000186a0${'c0'.repeat(100_000)}`],
    ['a field that nests 34 deep', hex(generous.pack([0, 0, 0, 16_384, false, deep(34)]))],
    ['a key that is a number', `${head}810101`],
    ['a key called __proto__', `${head}81a95f5f70726f746f5f5f01`],
    ['a key twice', `${head}82a16101a16102`],
    ['an integer of 2^53', `${head}cf0020000000000000`],
  ];
  return cases.map(([what, bytes]) => {
    const shown = bytes.length > 2_000 ? { begins: bytes.slice(0, 24), repeated: 'c0', times: 100_000 } : { bytes };
    try {
      const fields = codec.unpack(Buffer.from(bytes, 'hex'));
      const index = fields.findIndex((field) => field instanceof RefusedValue);
      if (index < 0) throw new Error(`${what} is not refused`);
      return { what, ...shown, field: index, finding: (fields[index] as RefusedValue).fault };
    } catch (error) {
      if (!(error instanceof FrameRefused)) throw error;
      return { what, ...shown, code: 4003, finding: error.finding };
    }
  });
}

export function vectors(): object {
  return {
    about: 'Test vectors of docs/wire-protocol.md. Made by `node --import tsx test/vectors/write.ts`.',
    wire: wireVersion,
    notation: {
      $binary: 'binary, in hexadecimal digits',
      $undefined: 'the extension d4 00 00',
      $number: 'a number that JSON has not',
      $part: 'the extension d6 50 and the number of a binary of a large message, in 4 bytes',
    },
    handshakes: [handshake(secretText), handshake(undefined)],
    refusedHandshakes: refusedHandshakes(),
    profiles: profiles(),
    envelopes: envelopes(),
    refusedEnvelopes: refusedEnvelopes(),
    frames: frames(),
    rows: rows(),
    largeMessage: largeMessage(),
    refusedFrames: refusedFrames(),
  };
}
