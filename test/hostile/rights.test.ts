/** A node that is in, and may do little, says whatever it likes to a node in a process of its own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fieldsOfKind, Kind } from '../../src/runtime/items.ts';
import { HostileLink, ordered } from './hostile-link.ts';
import { GoodLink, LiveNode, secretText } from './live-node.ts';

let folder: string;
let live: LiveNode;
let good: GoodLink;
let link: HostileLink;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-rights-'));
  const rules = join(folder, 'allow.json');
  const evil = { node: 'evil', spawn: ['mayfly'], operations: ['mayfly.*'] };
  const starter = { node: 'starter', spawn: ['mayfly'] };
  await writeFile(rules, JSON.stringify([evil, starter, { node: 'node' }]));
  live = await LiveNode.start(['--allow-file', rules, '--log-level', 'info']);
  good = await GoodLink.open(live);
});
afterEach(() => {
  link?.close();
  expect(live.isUp).toBe(true);
  good.expectUndisturbed();
});
afterAll(async () => {
  await good?.close();
  await live?.end();
  await rm(folder, { recursive: true });
});

/** Sends items in frames of 100, and gives the answers by call. */
async function say(items: readonly (readonly unknown[])[], nodeId?: string): Promise<Map<number, readonly unknown[]>> {
  link = await HostileLink.open(live, { seals: true, ...(nodeId !== undefined && { nodeId }) });
  const answers = new Map<number, readonly unknown[]>();
  link.onFields = (_source, fields) => {
    for (let at = 5; at < fields.length; at += fieldsOfKind[fields[at] as number]!) {
      if (fields[at] === Kind.reply || fields[at] === Kind.failure || fields[at] === Kind.terminated) {
        answers.set(fields[at + 1] as number, [fields[at], fields[at + 2]]);
      }
    }
  };
  let sequence = 0;
  for (let at = 0; at < items.length; at += 100) {
    const some = items.slice(at, at + 100);
    link.frame('main', ordered(sequence, ...some));
    sequence += some.length;
  }
  return answers;
}

const cells = Array.from({ length: 1_200 }, (_, cell) => cell);
const forbidden = (answer: readonly unknown[] | undefined): string =>
  answer?.[0] === Kind.failure ? (answer[1] as [string, string, [string]]).flat().join(' ') : 'no failure';

describe('a node that may start mayflies and nothing else', () => {
  it('stops no actor whose number it guesses, and is told the same of those that there are not', async () => {
    const answers = await say(cells.map((cell) => [Kind.stop, cell + 1, cell, 1, null]));
    await expect.poll(() => answers.size, { timeout: 20_000 }).toBe(cells.length);
    const texts = new Set([...answers.values()].map(forbidden));
    expect([...texts]).toEqual([
      expect.stringMatching(/^Rejected evil~\d+\/main may not stop what it has not started at .* forbidden/),
    ]);
    expect(link.closed).toBeUndefined();
  });

  it('takes none down by a link, nor restarts one', async () => {
    await say(
      cells.flatMap((cell) => [
        [Kind.link, cell, 7, '/x', 'mayfly'],
        [Kind.restart, cell + 1, cell, false],
      ]),
    );
    expect(await link.answered()).toBeUndefined();
    // What is linked fails with the link that ends.
    link.close();
  });

  it('watches no actor whose number it guesses, and is told the same of those that there are not', async () => {
    const answers = await say(cells.map((cell) => [cell % 2 === 0 ? Kind.watch : Kind.watchAgain, cell + 1, cell]));
    await expect.poll(() => answers.size, { timeout: 20_000 }).toBe(cells.length);
    expect(new Set([...answers.values()].map((answer) => answer.join()))).toEqual(
      new Set([`${Kind.terminated},unknown`]),
    );
    expect(link.closed).toBeUndefined();
  });

  it.each([
    ['may call mayflies alone', 'evil~x1'],
    ['may call everything', 'starter~x1'],
  ])(
    'asks the receptionist to register nothing, and to look up nothing elsewhere, where it %s',
    async (_what, nodeId) => {
      const operations = ['register', 'unregister', 'find', 'nameElsewhere', 'lookUp', 'changed'];
      const entry = { name: 'trap', protocol: 'mayfly', address: [`${nodeId}/main`, 1, '/trap'] };
      const said = { ...entry, node: 'node' };
      const answers = await say(
        [
          ...operations.map((name, number) => [Kind.name, number, `troupe.receptionist.${name}`, null]),
          ...operations.slice(0, -1).map((_, n) => [Kind.ask, n + 1, 0, n, said, 1_000, null]),
          [Kind.tell, 0, operations.length - 1, 1, [null]],
        ],
        nodeId,
      );
      await expect.poll(() => answers.size, { timeout: 20_000 }).toBe(operations.length - 1);
      for (const [index, name] of operations.slice(0, -1).entries()) {
        expect(forbidden(answers.get(index + 1))).toMatch(
          new RegExp(`^Rejected ${nodeId}/main may not call troupe\\.receptionist\\.${name} at .* forbidden`),
        );
      }
      expect(link.closed).toBeUndefined();
    },
  );

  it('finds no names of what it may not call, there or not', async () => {
    const asks = ['watchman', 'target', 'nobody'].map((name, n) => [
      Kind.ask,
      n + 1,
      0,
      0,
      { name, protocol: 'watchman' },
      1_000,
      null,
    ]);
    const answers = await say([[Kind.name, 0, 'troupe.receptionist.named', null], ...asks]);
    await expect.poll(() => answers.size, { timeout: 20_000 }).toBe(3);
    const texts = new Set([...answers.values()].map(forbidden));
    expect([...texts]).toEqual([
      expect.stringMatching(/^Rejected evil~\d+\/main may not find actors of that protocol at .* forbidden/),
    ]);
  });

  it('calls nothing, and does not learn which operations and actors there are', async () => {
    const named = ['watchman.note', 'watchman.memory', 'no.such'].flatMap((label, number) => [
      [Kind.name, number, label, null],
    ]);
    const asks = cells.flatMap((cell) => [0, 1, 2].map((n) => [Kind.ask, 3 * cell + n + 1, cell, n, {}, 1_000, null]));
    const answers = await say([...named, ...asks]);
    await expect.poll(() => answers.size, { timeout: 20_000 }).toBe(asks.length);
    const texts = [...answers.values()].map(forbidden);
    expect(texts.filter((text) => !/^Rejected evil~\d+\/main may not call [a-z.]+ at .* forbidden/.test(text))).toEqual(
      [],
    );
    expect(new Set(texts.map((text) => text.replace(/call [a-z.]+/, 'call it'))).size).toBe(1);
  });

  it('starts what it may, and of all else is not told what is registered', async () => {
    const names = ['watchman', 'target', 'no such', '__proto__', 'y'.repeat(500)];
    const answers = await say([
      ...names.map((name, index) => [Kind.spawn, index + 1, name, {}, null]),
      [Kind.spawn, 99, 'mayfly', {}, null],
    ]);
    await expect.poll(() => answers.size, { timeout: 20_000 }).toBe(names.length + 1);
    expect(answers.get(99)![0]).toBe(Kind.reply);
    for (const [index] of names.entries()) {
      expect(forbidden(answers.get(index + 1))).toMatch(/^SpawnFailed .*may not start .* forbidden/);
    }
  });

  it('is refused where it does not seal what it says of itself, as a node of an earlier version', async () => {
    const from = live.log.length;
    link = await HostileLink.open(live);
    expect(await link.ended()).toEqual({ code: 4001, text: 'authentication refused' });
    await expect.poll(() => live.logged('was not sealed', from).length).toBe(1);
  });

  it('is in the log: who it was, what it tried, and no secret', () => {
    const acts = new Set(live.log.filter(({ event }) => event === 'denied').map(({ act }) => act));
    expect([...acts].sort()).toEqual(['call', 'find', 'link', 'spawn', 'stop', 'watch']);
    const joined = live.log.filter(({ event }) => event === 'node-joined');
    expect(joined.some(({ node }) => String(node).startsWith('evil~'))).toBe(true);
    const text = JSON.stringify(live.log);
    expect(text).not.toContain(secretText.slice(0, 16));
    // 16 lines a second of each event at most, whatever it tries.
    expect(live.log.length).toBeLessThan(2_000);
    live.expectNoMistakes();
  });
});
