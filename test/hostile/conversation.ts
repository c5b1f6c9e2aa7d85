/** What honest nodes say to each other, recorded on the wire between them, and the few items that they say rarely. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type ActorSystem, type AnyRef, actor, ask, node, pathOf, protocol, type Ref, refTo, stop } from 'troupe';
import * as z from 'zod';
import { fieldsOfKind, Kind } from '../../src/runtime/items.ts';
import { strictCodec } from '../../src/transport/frame-codec.ts';
import { decodeEnvelope } from '../../src/transport/node-envelope.ts';
import { mayfly, type Target, target } from './fixtures/actors.ts';
import { joined, type LiveNode } from './live-node.ts';

const Boss = protocol('boss', {
  meddle: ask({ input: z.object({ other: refTo<Ref<typeof Target>>('target') }), output: z.int() }),
});
/** Watches, links and starts what lives elsewhere. */
const boss = actor(
  Boss,
  { args: z.object({}), state: () => ({}), signals: { terminated: () => undefined } },
  {
    meddle: async (_state, { other }, ctx) => {
      ctx.watch(other);
      ctx.link(other);
      const child = await ctx.spawn(target, { on: node({ role: 'workers' }) });
      const sum = await child.sum();
      ctx.unlink(other);
      ctx.unwatch(other);
      await stop(child, { drain: true, deadlineMs: 1_000 });
      return sum;
    },
  },
);

/** A proxy that keeps every message of a WebSocket client. */
class Tap {
  readonly messages: Uint8Array[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      let rest: Buffer = Buffer.alloc(0);
      let isUpgraded = false;
      near.on('data', (bytes) => {
        far.write(bytes);
        rest = Buffer.concat([rest, bytes]);
        if (!isUpgraded) {
          const end = rest.indexOf('\r\n\r\n');
          if (end < 0) return;
          isUpgraded = true;
          rest = rest.subarray(end + 4);
        }
        rest = this.#read(rest);
      });
      far.on('data', (bytes) => near.write(bytes));
      for (const [one, other] of [[near, far] as const, [far, near] as const]) {
        this.#sockets.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => other.destroy());
      }
    });
  }

  listen(): Promise<string> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        resolve(`ws://127.0.0.1:${(this.#server.address() as { port: number }).port}`);
      });
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Takes whole frames from the front: a client masks them, and ours does not fragment. */
  #read(bytes: Buffer): Buffer {
    let at = 0;
    while (bytes.length - at >= 6) {
      const short = bytes[at + 1]! & 0x7f;
      const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
      const maskAt = at + 2 + lengthBytes;
      if (bytes.length < maskAt + 4) break;
      const length =
        lengthBytes === 0
          ? short
          : Number(
              bytes
                .subarray(at + 2, maskAt)
                .toString('hex')
                .replace(/^/, '0x'),
            );
      const end = maskAt + 4 + length;
      if (bytes.length < end) break;
      if ((bytes[at]! & 0x0f) === 2) {
        this.messages.push(bytes.subarray(maskAt + 4, end).map((byte, index) => byte ^ bytes[maskAt + (index & 3)]!));
      }
      at = end;
    }
    return bytes.subarray(at);
  }
}

/** Items of one session frame, as fields; what was named before it is in `names` of the recording. */
export type Items = readonly unknown[];

export interface Recording {
  /** All operations that were named, in order. */
  readonly names: readonly (readonly unknown[])[];
  /** The items of each frame, names left out, as they would be to the actor of that number. */
  framesTo(cell: number): readonly Items[];
  /** Envelopes of other kinds. */
  readonly others: readonly Uint8Array[];
  /** Number of the actor that was spoken to, at the node. */
  readonly cell: number;
  readonly system: ActorSystem;
  readonly target: Ref<typeof Target>;
  /** Another actor of that kind, at the node. */
  spawn(): Promise<Ref<typeof Target>>;
  close(): Promise<void>;
}

export async function record(live: LiveNode): Promise<Recording> {
  const tap = new Tap(live.port);
  const system = await joined(live, await tap.listen());
  const on = node({ role: 'workers' });
  const there = await system.spawn(target, { on, args: { start: 3 } });
  const here = await system.spawn(target);
  for (let round = 0; round < 2; round += 1) {
    for (let n = 0; n < 20; n += 1) there.add(n % 3 === 0 ? { n } : { n, text: 'ü'.repeat(n) });
    there.put({ data: new Uint8Array(300), list: [{ key: 'a', at: new Date(0) }] });
    await there.add.offer({ n: 1 });
    await there.sum();
    await there.echo({ deep: [[[{ a: 1 }]]], date: new Date(1), map: new Map([[1, 2]]), big: 2 ** 40, no: undefined });
    await there.either({ kind: 'a', n: 1.5 });
    await there.either({ kind: 'b', of: { x: true } });
    await Promise.all([there.spend.outcome(), there.throws.outcome(), there.slowly({ ms: 1 })]);
    for await (const n of there.numbers({ to: 600 })) if (n < 0) break;
    for await (const n of there.numbers({ to: 600 })) if (n > 3) break;
    there.meet({ other: here });
    await there.visit({ other: here });
    const gaveUp = new AbortController();
    const slow = there.slowly.outcome({ ms: 100 }, { signal: gaveUp.signal });
    await there.sum();
    gaveUp.abort();
    await slow;
    await (await system.spawn(boss)).meddle({ other: there });
    const short = await system.spawn(mayfly, { on });
    await short.hello();
    await stop(short);
  }
  const names: (readonly unknown[])[] = [];
  const frames: Items[] = [];
  const others: Uint8Array[] = [];
  const codec = strictCodec();
  for (const message of tap.messages) {
    const envelope = decodeEnvelope(message);
    if (envelope.kind === 'malformed') continue; // of the handshake
    if (envelope.kind !== 'frame') {
      others.push(message);
      continue;
    }
    const items: unknown[] = [];
    const fields = codec.unpack(envelope.frame);
    for (let at = 5; at < fields.length; at += fieldsOfKind[fields[at] as number]!) {
      const item = fields.slice(at, at + fieldsOfKind[fields[at] as number]!);
      if (item[0] === Kind.name) names.push(item);
      else items.push(...item);
    }
    frames.push(items);
  }
  const cell = cellOf(there);
  return {
    names,
    framesTo: (other) => [...frames.map((items) => redirected(items, cell, other)), ...rare(other)],
    others,
    cell,
    system,
    target: there,
    spawn: () => system.spawn(target, { on }),
    close: async () => {
      await system.shutdown({ deadlineMs: 500 });
      tap.close();
    },
  };
}

/** In which field an item names an actor of the place that reads; 0 where it names none. */
export function cellFieldOf(kind: unknown): number {
  switch (kind) {
    case Kind.tell:
    case Kind.link:
    case Kind.unlink:
    case Kind.linkOf:
    case Kind.unlinkOf:
    case Kind.pass:
      return 1;
    case Kind.ask:
    case Kind.offer:
    case Kind.stream:
    case Kind.stop:
    case Kind.watch:
    case Kind.watchAgain:
    case Kind.move:
    case Kind.fence:
    case Kind.attach:
    case Kind.expect:
    case Kind.restart:
    case Kind.job:
      return 2;
    default:
      return 0;
  }
}

function redirected(items: Items, from: number, to: number): Items {
  const own = [...items];
  for (let at = 0; at < own.length; at += fieldsOfKind[own[at] as number]!) {
    const field = cellFieldOf(own[at]);
    if (field > 0 && own[at + field] === from) own[at + field] = to;
  }
  return own;
}

/** The number of an actor at its place. */
export function cellOf(ref: AnyRef): number {
  return Number(/#(\d+)$/.exec(pathOf(ref))![1]);
}

/** Items that the conversation above does not bring about, or only threads of one node may send. */
function rare(cell: number): readonly Items[] {
  const place = 'evil~0/main';
  return [
    [Kind.job, 1, cell, 0, { n: 1 }, null, null, null],
    [Kind.job, 2, cell, 1, null, 900, 1_000, [place, 1, 1]],
    [Kind.done, 1],
    [Kind.place, 901, 'mayfly', {}, null, 5, '/boss/mayfly', 901],
    [Kind.restart, 902, cell, true],
    [Kind.restart, 0, cell, false],
    [Kind.escalated, 5, ['ActorFailed', 'x', []]],
    [Kind.link, cell, 7, '/target', 'target'],
    [Kind.unlink, cell, 7],
    [Kind.linkOf, cell, place, 7, '/target', 'target'],
    [Kind.unlinkOf, cell, place, 7],
    [Kind.move, 903, cell, place, 100],
    [Kind.fence, 904, cell],
    [Kind.route, 9, place, '/target', 'target', 1, 'evil~0/t1', 2],
    [Kind.moved, 905, 'token'],
    [Kind.attach, 906, cell, 'target.numbers', 'token', 0, 256],
    [Kind.watchAgain, 907, cell],
    [Kind.adopt, 908, { definition: 'target', args: null, place, cell: 1, name: null, hop: 1, state: {} }],
    [Kind.handed, 908, 0, ['target.add', { n: 1 }, false, 0]],
    [Kind.begin, 909, 908, {}],
    [Kind.pass, cell, 'target.numbers', {}],
    [Kind.expect, 910, cell, 1, place, 1],
    [Kind.shape, 0, 12_345],
    [Kind.pressure, 7, true],
    [Kind.terminated, 1, 'killed'],
    [Kind.reply, 1, 5],
    [Kind.failure, 1, ['Rejected', 'text', ['full', ['a', 0]]]],
    [Kind.failure, 1, ['SpawnFailed', 'text', ['name', ['Error', 'text', null, null]]]],
    [Kind.item, 1, 5, Kind.end, 1],
    [Kind.chunk, 8, Uint8Array.of(1, 2, 3), Kind.chunk, 0, Uint8Array.of(4, 5, 6, 7, 8)],
    [Kind.chunk, 8, Uint8Array.of(1, 2, 3), Kind.chunk, 0, new Uint8Array(0)],
    [Kind.large, 0, strictCodec().pack([Kind.ask, 2, cell, 0, { n: 1 }, 1_000, null])],
  ];
}
