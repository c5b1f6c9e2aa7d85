/**
 * Two nodes in two network namespaces with a cable between them: what TCP itself does when nothing gets through, one way or both.
 * Needs root, and is run by `node scripts/network-namespaces.mjs`.
 */
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { proofRuns } from '../support/proof-runs.ts';
import { expectSettled, expectWhole, FaultedNode, type FaultedNodeOptions, goesOn } from './faulted-nodes.ts';
import { secretFolder } from './node-process.ts';

const isAllowed = process.env.TROUPE_NAMESPACES !== undefined;
const ends: (() => unknown)[] = [];
let secretFile: string;
beforeEach(async () => {
  const folder = await secretFolder();
  ends.push(() => folder.remove());
  secretFile = folder.file;
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const soon = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const file = (name: string): string => join(dirname(secretFile), name);
const ip = (...args: readonly string[]): void => void execFileSync('ip', args, { stdio: 'pipe' });

/** Where a node lives: a namespace with one end of the cable. */
interface Side {
  readonly namespace: string;
  readonly device: string;
  readonly address: string;
}

/** Both sides of a cable. */
function cable(): { readonly a: Side; readonly b: Side } {
  const side = (name: string, n: number): Side => ({
    namespace: `troupe-${process.pid}-${name}`,
    device: `tr${name}${process.pid}`,
    address: `10.213.7.${n}`,
  });
  const sides = { a: side('a', 1), b: side('b', 2) };
  const { a, b } = sides;
  for (const { namespace } of [a, b]) {
    ip('netns', 'add', namespace);
    ends.push(() => ip('netns', 'del', namespace));
  }
  ip('link', 'add', a.device, 'type', 'veth', 'peer', 'name', b.device);
  for (const { namespace, device, address } of [a, b]) {
    ip('link', 'set', device, 'netns', namespace);
    ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', device);
    ip('-n', namespace, 'link', 'set', device, 'up');
  }
  return sides;
}

const isUp = ({ namespace, device }: Side, up: boolean): void =>
  ip('-n', namespace, 'link', 'set', device, up ? 'up' : 'down');

/** What `from` sends goes to nobody, while it still hears the other side; it is not told. */
function deaf(from: Side, to: Side): void {
  const nobody = ['lladdr', '02:00:00:00:00:99', 'nud', 'permanent'];
  ip('-n', from.namespace, 'neigh', 'replace', to.address, 'dev', from.device, ...nobody);
}
function heard(from: Side, to: Side): void {
  ip('-n', from.namespace, 'neigh', 'del', to.address, 'dev', from.device);
}

async function start({ namespace }: Side, options: FaultedNodeOptions): Promise<FaultedNode> {
  const started = await FaultedNode.start({ ...options, secretFile }, ['ip', 'netns', 'exec', namespace]);
  ends.push(() => started.end());
  return started;
}

const isLinked = (...nodes: readonly FaultedNode[]) =>
  expect
    .poll(() => Promise.all(nodes.map(async (one) => (await one.call('nodes')).length)), { timeout: 60_000 })
    .toEqual(nodes.map(() => 1));

async function pair(a: Side, b: Side, resumeMs: number): Promise<readonly [FaultedNode, FaultedNode]> {
  const listen = `ws://${b.address}:7000`;
  const atB = await start(b, { name: 'b', listen, resumeMs });
  const atA = await start(a, { name: 'a', join: [listen], resumeMs });
  await isLinked(atA, atB);
  await atA.call('load', { name: 'a', at: 'b', file: file('by-b'), pauseMs: 10 });
  await atB.call('load', { name: 'b', at: 'a', file: file('by-a'), pauseMs: 10 });
  await goesOn(file('by-b'));
  await goesOn(file('by-a'));
  return [atA, atB];
}

describe.runIf(isAllowed)('two nodes in two network namespaces', () => {
  // Longer than the heartbeat waits.
  const longMs = 17_000;
  const rounds = proofRuns(1);

  it(
    `lose nothing within their window: no carrier, and one way or the other lost, shortly and for long, ${rounds} rounds`,
    async () => {
      const { a, b } = cable();
      const [atA, atB] = await pair(a, b, 300_000);
      for (let round = 0; round < rounds; round += 1) {
        const times = round % 2 === 0 ? [1_500, 1_500, longMs] : [longMs, longMs, 1_500];
        deaf(a, b);
        await soon(times[0]!);
        heard(a, b);
        await isLinked(atA, atB);
        deaf(b, a);
        await soon(times[1]!);
        heard(b, a);
        await isLinked(atA, atB);
        isUp(b, false);
        await soon(times[2]!);
        isUp(b, true);
        await isLinked(atA, atB);
      }
      const messages = (await expectWhole(atA, file('by-b'))) + (await expectWhole(atB, file('by-a')));
      if (process.env.TROUPE_PROOF_RUNS !== undefined) console.log({ rounds, messages });
    },
    90_000 + rounds * 90_000,
  );

  it('settle what was open once no carrier was there for longer than heartbeat and window, and go on', async () => {
    const { a, b } = cable();
    const [atA, atB] = await pair(a, b, 1_000);
    isUp(a, false);
    // Of one side at least; the other finds it so when they are linked again.
    await expect.poll(() => atA.call('nodes'), { timeout: 30_000 }).toEqual([]);
    await expect.poll(() => atB.call('nodes'), { timeout: 30_000 }).toEqual([]);
    await soon(2_500);
    isUp(a, true);
    await isLinked(atA, atB);
    await goesOn(file('by-b'));
    await goesOn(file('by-a'));
    await expectSettled(atA, file('by-b'), 1, true);
    await expectSettled(atB, file('by-a'), 1, true);
  }, 120_000);

  it('settle what a node held that was killed while there was no carrier, once its successor is reached', async () => {
    const { a, b } = cable();
    const [atA, atB] = await pair(a, b, 300_000);
    isUp(a, false);
    await atB.end();
    const next = await start(b, { name: 'b', listen: `ws://${b.address}:7000`, resumeMs: 300_000 });
    isUp(a, true);
    await isLinked(atA, next);
    await expectSettled(atA, file('by-b'), 1, false);
  }, 120_000);
});
