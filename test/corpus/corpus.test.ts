/** Nodes of earlier wire versions, as they were recorded, talk to a node of the present one. */
import { type ActorSystem, createSystem, secret } from 'troupe';
import { afterEach, describe, expect, it } from 'vitest';
import { Kind } from '../../src/runtime/items.ts';
import { wireVersion } from '../../src/transport/wire-version.ts';
import { secretText } from '../hostile/live-node.ts';
import { secretFolder } from '../system/node-process.ts';
import { OldPeer, readCorpus } from './old-peer.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function liveNode(): Promise<ActorSystem> {
  const folder = await secretFolder();
  ends.push(() => folder.remove());
  const system = await createSystem({
    registry: new URL('./fixtures/actors.ts', import.meta.url),
    name: 'live',
    roles: ['workers'],
    listen: 'ws://127.0.0.1:0',
    auth: secret({ file: folder.file }),
    logLevel: 'silent',
  });
  ends.push(() => system.shutdown({ deadlineMs: 500 }));
  return system;
}

/** Items that threads of one node send each other, and no node another. */
const withinNodes: ReadonlySet<number> = new Set([Kind.adopt, Kind.handed, Kind.begin, Kind.pass, Kind.expect]);

/** Kinds of items that version 1 did not have. */
const sinceVersion2: ReadonlySet<number> = new Set([Kind.probe, Kind.chunk, Kind.large]);

describe('a node that was recorded', () => {
  it.each([1, 2])(
    'with wire version %i is understood: every kind of item, and each answer is what it was',
    async (wire) => {
      const corpus = readCorpus(`./wire-${wire}.json`);
      expect(corpus.wire).toBe(wire);
      const live = await liveNode();
      const old = new OldPeer(corpus, live.address!, secretText);
      ends.push(() => old.close());
      await old.talk();
      await old.answer(Kind.reply, 1_000_001);
      expect(await old.answer(Kind.failure, 1_000_002)).toContain('MoveRefused');
      await old.answer(Kind.failure, 1_000_003);
      await old.answer(Kind.reply, 1_000_005);
      expect(old.closed).toBeUndefined();
      expect(live.nodes).toEqual([corpus.old]);
      const known = Object.values(Kind).filter(
        (kind) => !withinNodes.has(kind) && (wire > 1 || !sinceVersion2.has(kind)),
      );
      expect(known.filter((kind) => !old.kinds.has(kind))).toEqual([]);
      expect(old.compared).toBeGreaterThan(500);
    },
  );

  it('is there for the present wire version and the one before it', () => {
    for (const wire of [wireVersion - 1, wireVersion]) expect(readCorpus(`./wire-${wire}.json`).wire).toBe(wire);
  });
});
