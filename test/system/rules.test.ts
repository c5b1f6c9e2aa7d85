/** What nodes may do to each other by the rules of `allow`: on the main thread and on workers, by secret and by certificate. */
import { fileURLToPath } from 'node:url';
import {
  type ActorSystem,
  createSystem,
  type DeadLetter,
  kill,
  mtls,
  type NodeRule,
  node,
  type SystemOptions,
  stop,
  thread,
} from 'troupe';
import { afterEach, describe, expect, it } from 'vitest';
import { Counter, type CounterRef, counter, fragile } from './fixtures/actors.ts';

const registry = new URL('./fixtures/actors.ts', import.meta.url);
const file = (name: string): string => fileURLToPath(new URL(`../transport/fixtures/tls/${name}`, import.meta.url));
const certificates = (name: string) =>
  mtls({ ca: file('names-ca.pem'), cert: file(`${name}.pem`), key: file(`${name}.key`) });
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(options: SystemOptions): Promise<ActorSystem> {
  const system = await createSystem({ registry, threads: 1, logLevel: 'silent', ...options });
  ends.push(() => system.shutdown({ deadlineMs: 500 }));
  return system;
}

const edgeRule: NodeRule = { node: 'edge', spawn: ['counter'], operations: ['counter.add', 'counter.t*'] };
const forbidden = { code: 'Rejected', reason: 'forbidden' };

/** A hub with these rules, an edge that has joined it, and actors of the hub that the edge has refs of. */
async function hubAndEdge(allow: readonly NodeRule[] | undefined) {
  const hub = await start({
    name: 'hub',
    listen: 'ws://127.0.0.1:0',
    roles: ['hub'],
    ...(allow !== undefined && { allow }),
  });
  const letters: DeadLetter[] = [];
  hub.deadLetters.subscribe({ next: (letter) => void letters.push(letter) });
  const edge = await start({ name: 'edge', roles: ['edge'], join: [hub.address!] });
  await expect.poll(() => hub.nodes).toEqual([edge.nodeId]);
  const onMain = await hub.spawn(counter);
  const onWorker = await hub.spawn(counter, { on: thread() });
  const given: CounterRef[] = [];
  for (const [index, other] of [onMain, onWorker].entries()) {
    const keeper = await hub.spawn(counter, { on: node({ role: 'edge' }), name: `keeper-${index}` });
    keeper.keep({ other });
    await keeper.total();
    given.push(await (await edge.find(Counter, `keeper-${index}`))!.kept());
  }
  return { hub, edge, letters, onMain, onWorker, given };
}

describe('a node that rules give a part of the operations', () => {
  it('calls those on either thread and no others: asks are rejected, tells are dead letters, offers and streams end', async () => {
    const { letters, given, onMain, onWorker } = await hubAndEdge([edgeRule]);
    for (const ref of given) {
      ref.add({ by: 2 });
      expect(await ref.total()).toBe(2);
      await expect(ref.path()).rejects.toMatchObject(forbidden);
      await expect(ref.changes()[Symbol.asyncIterator]().next()).rejects.toMatchObject(forbidden);
      await expect(ref.keep.offer({ other: ref })).rejects.toMatchObject(forbidden);
      ref.keep({ other: ref });
    }
    await expect
      .poll(() => letters.map(({ operation, reason }) => [operation, reason]))
      .toEqual([
        ['counter.keep', 'forbidden'],
        ['counter.keep', 'forbidden'],
      ]);
    for (const own of [onMain, onWorker]) await expect(own.kept()).rejects.toMatchObject({ code: 'ActorFailed' });
  });

  it('stops, kills and fails by a link only what it has started itself', async () => {
    const { hub, edge, given, onMain, onWorker } = await hubAndEdge([edgeRule]);
    for (const ref of given) {
      await expect(stop(ref)).rejects.toMatchObject(forbidden);
      await expect(kill(ref)).rejects.toMatchObject(forbidden);
    }
    expect([await onMain.total(), await onWorker.total()]).toEqual([0, 0]);
    const own = await edge.spawn(counter, { on: node({ role: 'hub' }) });
    own.add({ by: 1 });
    await stop(own);
    await expect(own.total()).rejects.toMatchObject({ code: 'NotDelivered', reason: 'stopped' });
    expect(hub.nodes).toEqual([edge.nodeId]);
  });

  it('starts the actors that it was given, and is told the same of all others, registered or not', async () => {
    const { edge } = await hubAndEdge([edgeRule]);
    const on = node({ role: 'hub' });
    expect(await (await edge.spawn(counter, { on })).total()).toBe(0);
    const refused = await edge.spawn(fragile, { on }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'SpawnFailed', reason: 'forbidden' });
    expect((refused as Error).message).toMatch(/edge~\w+\/main may not start "fragile" at hub~\w+\/main/);
  });

  it('is what the other node decides: what comes from the hub is not looked at', async () => {
    const { hub } = await hubAndEdge([edgeRule]);
    const there = await hub.spawn(counter, { on: node({ role: 'edge' }) });
    expect(await there.path()).toContain('edge~');
    await stop(there);
  });

  it('may do everything without rules, and where a rule says no less', async () => {
    for (const allow of [undefined, [{ node: 'edge' }]]) {
      const { given, edge } = await hubAndEdge(allow);
      for (const ref of given) {
        expect(await ref.path()).toContain('hub~');
        await stop(ref);
      }
      expect(
        await (await edge.spawn(fragile, { on: node({ role: 'hub' }) })).hostile('text').catch(() => 'failed'),
      ).toBe('failed');
    }
  });
});

describe('who may join', () => {
  it.each<[string, SystemOptions, readonly NodeRule[]]>([
    ['of another name', { name: 'other' }, [{ node: 'edge' }]],
    ['without a role', { name: 'edge' }, [{ node: 'edge', roles: ['edge'] }]],
    ['with one role too many', { name: 'edge', roles: ['edge', 'hub'] }, [{ roles: ['edge'] }]],
    ['that shows no certificate', { name: 'edge' }, [{ certificate: '*' }]],
    ['at all', { name: 'edge' }, []],
  ])('is no node %s: it is told so when it joins, with 4006', async (_what, options, allow) => {
    const hub = await start({ listen: 'ws://127.0.0.1:0', allow, threads: 0 });
    const joining = createSystem({ logLevel: 'silent', threads: 0, ...options, join: [hub.address!] });
    await expect(joining).rejects.toMatchObject({
      code: 'HandshakeFailed',
      closeCode: 4006,
      reason: 'refused-by-peer',
    });
    expect(hub.nodes).toEqual([]);
  });

  it('is asked at both ends: a node that dials lets in no other than its rules say', async () => {
    const hub = await start({ name: 'hub', listen: 'ws://127.0.0.1:0', threads: 0 });
    const joining = createSystem({ logLevel: 'silent', threads: 0, join: [hub.address!], allow: [{ node: 'other' }] });
    await expect(joining).rejects.toMatchObject({ code: 'HandshakeFailed', closeCode: 4006, reason: 'not-allowed' });
    await expect.poll(() => hub.nodes).toEqual([]);
  });

  it('is bound to the certificate: a node has the name that its certificate gives it, and no other', async () => {
    const allow = [{ certificate: '{name}.nodes.internal' }];
    const hub = await start({ name: 'hub', listen: 'wss://127.0.0.1:0', auth: certificates('hub'), allow, threads: 0 });
    const options = {
      logLevel: 'silent',
      threads: 0,
      join: [hub.address!],
      auth: certificates('edge'),
      allow,
    } as const;
    const edge = await start({ ...options, name: 'edge-7' });
    expect([edge.nodes, hub.nodes]).toEqual([[hub.nodeId], [edge.nodeId]]);
    for (const name of ['edge-8', 'hub', 'edge']) {
      await expect(createSystem({ ...options, name })).rejects.toMatchObject({
        code: 'HandshakeFailed',
        closeCode: 4006,
      });
    }
  });

  it('is a matter of its URI, too, for what it may do', async () => {
    const allow = [{ certificate: 'spiffe://nodes.internal/edge', spawn: [] }, { certificate: 'hub.nodes.internal' }];
    const hub = await start({
      roles: ['hub'],
      listen: 'wss://127.0.0.1:0',
      auth: certificates('hub'),
      allow,
      threads: 0,
    });
    const join = [hub.address!];
    const edge = await start({ name: 'any', threads: 0, join, auth: certificates('edge') });
    const twin = await start({ name: 'twin', threads: 0, join, auth: certificates('hub') });
    const on = node({ role: 'hub' });
    await expect(edge.spawn(counter, { on })).rejects.toMatchObject({ code: 'SpawnFailed', reason: 'forbidden' });
    expect(await (await twin.spawn(counter, { on })).total()).toBe(0);
  });

  it('is checked when the system is made', async () => {
    for (const allow of [[{ node: 'a*b*' }], [{ role: 'x' }], 'all', [{ roles: [] }]]) {
      await expect(createSystem({ allow: allow as never })).rejects.toMatchObject({ code: 'UsageError' });
    }
  });
});
