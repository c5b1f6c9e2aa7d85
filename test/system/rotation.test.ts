/** The secret of a running cluster is replaced, node by node, in processes of their own, while messages go both ways. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as soon } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ActorSystem, createSystem, type DeadLetter, type LiveSecrets, node, type Ref, secret } from 'troupe';
import { afterEach, describe, expect, it } from 'vitest';
import { proofRuns } from '../support/proof-runs.ts';
import { type Listener, listener, type Talker, talker } from './fixtures/paired.ts';
import { endNode, startNode } from './node-process.ts';

const registry = new URL('./fixtures/paired.ts', import.meta.url);
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const secrets: string[] = [];
function newSecret(): string {
  const text = `canary-${secrets.length}-`.padEnd(48, 'z');
  secrets.push(text);
  return text;
}

/** Where one node keeps its secrets. */
class Keys {
  readonly file: string;
  readonly next: string;

  private constructor(folder: string) {
    this.file = join(folder, 'secret');
    this.next = join(folder, 'secret.next');
  }

  static async make(first: string): Promise<Keys> {
    const folder = await mkdtemp(join(tmpdir(), 'troupe-rotation-'));
    ends.push(() => rm(folder, { recursive: true }));
    const keys = new Keys(folder);
    await writeFile(keys.file, first, { mode: 0o600 });
    return keys;
  }

  /** The first step. */
  async add(text: string): Promise<void> {
    await writeFile(`${this.next}.new`, text, { mode: 0o600 });
    await rename(`${this.next}.new`, this.next);
  }

  /** The second. */
  replace(): Promise<void> {
    return rename(this.next, this.file);
  }
}

interface LogLine {
  readonly event?: string;
  readonly live?: number;
}

interface Member {
  readonly keys: Keys;
  readonly address: string;
  readonly text: string[];
  readonly lines: LogLine[];
}

async function member(name: string, first: string, joins: readonly Member[]): Promise<Member> {
  const keys = await Keys.make(first);
  const more = ['--registry', fileURLToPath(registry), '--name', name, '--role', name, '--threads', '0'];
  const flags = ['--next-secret-file', keys.next, '--log-level', 'info'];
  for (const { address } of joins) flags.push('--join', address);
  const started = await startNode(keys.file, 'ws://127.0.0.1:0', [...more, ...flags]);
  ends.push(() => endNode(started));
  const [text, lines]: [string[], LogLine[]] = [[], []];
  createInterface({ input: started.process.stderr! }).on('line', (line) => {
    text.push(line);
    if (line.startsWith('{')) lines.push(JSON.parse(line) as LogLine);
  });
  return { keys, address: started.address, text, lines };
}

const named = ({ lines }: Member, event: string): readonly LogLine[] => lines.filter((line) => line.event === event);

describe('the secret of 3 nodes in processes of their own, and of a fourth', () => {
  const rotations = proofRuns(2);

  it(
    `is replaced ${rotations} times in two steps while they talk: no message is lost, none comes twice, no link is refused`,
    async () => {
      let current = newSecret();
      const members: Member[] = [];
      for (const name of ['n0', 'n1', 'n2']) members.push(await member(name, current, members));
      const keys = await Keys.make(current);
      const system = await createSystem({
        registry,
        threads: 0,
        name: 'driver',
        logLevel: 'silent',
        join: members.map(({ address }) => address),
        auth: secret({ file: keys.file, next: keys.next }),
      });
      ends.push(() => system.shutdown({ deadlineMs: 500 }));
      const letters: DeadLetter[] = [];
      system.deadLetters.subscribe({ next: (letter) => void letters.push(letter) });

      // From the driver to each node, and from each node to the next: over links that the driver has no part in.
      const listeners: Ref<typeof Listener>[] = [];
      const talkers: Ref<typeof Talker>[] = [];
      for (const role of ['n0', 'n1', 'n2']) {
        listeners.push(await system.spawn(listener, { on: node({ role }) }));
        talkers.push(await system.spawn(talker, { on: node({ role }) }));
      }
      const own = await system.spawn(talker);
      let over = false;
      const sent = new Map<string, { told: number; asked: number; answered: number }>();
      const talk = async (by: Ref<typeof Talker>, to: Ref<typeof Listener>, from: string): Promise<void> => {
        const count = { told: 0, asked: 0, answered: 0 };
        sent.set(from, count);
        while (!over) {
          count.asked += 20;
          const message = { to, from, first: count.told, count: 100, text: '' };
          count.answered += await by.talk(message, { timeoutMs: 120_000 });
          count.told += 100;
        }
      };
      const failed: unknown[] = [];
      const talking = Promise.all([
        ...listeners.map((to, index) => talk(own, to, `driver to n${index}`)),
        ...talkers.map((by, index) => talk(by, listeners[(index + 1) % 3]!, `n${index} to the next`)),
      ]).catch((error: unknown) => failed.push(error));

      const everybody = [...members.map((one) => one.keys), keys];
      const replacedOnAll = (times: number): Promise<unknown> =>
        expect
          .poll(() => members.map((one) => named(one, 'secret-replaced').length), { timeout: 60_000 })
          .toEqual([times, times, times]);
      for (let n = 0; n < rotations; n += 1) {
        const before = current;
        current = newSecret();
        for (const one of everybody) {
          await one.add(current);
          await soon(50);
        }
        await replacedOnAll(2 * n + 1);
        // The driver logs nothing here; it has looked once 5 s are over.
        await soon(6_000);
        for (const one of everybody) {
          await one.replace();
          await soon(50);
        }
        await replacedOnAll(2 * n + 2);
        await expect.poll(() => system.nodes.length, { timeout: 20_000 }).toBe(3);
        // Whoever has the old one alone is let in nowhere.
        for (const { address } of members) {
          const old = createSystem({
            join: [address],
            logLevel: 'silent',
            auth: secret({ read: () => ({ current: before }) }),
          });
          await expect(old).rejects.toMatchObject({ code: 'HandshakeFailed', closeCode: 4001 });
        }
      }
      await soon(200);
      over = true;
      await talking;
      expect(failed).toEqual([]);

      const told: Record<string, number> = {};
      for (const one of listeners) {
        expect(await one.wrong()).toEqual([]);
        Object.assign(told, (await one.heard()).told);
      }
      expect(sent.size).toBe(6);
      for (const [from, count] of sent) {
        expect([from, told[from], count.answered]).toEqual([from, count.told, count.asked]);
        expect(count.told).toBeGreaterThan(0);
      }
      expect([letters, system.statistics().deadLetters]).toEqual([[], 0]);
      for (const one of members) {
        expect(named(one, 'secret-replaced').map(({ live }) => live)).toEqual(
          Array.from({ length: 2 * rotations }, (_, n) => (n % 2 === 0 ? 2 : 1)),
        );
        // Nobody was refused but those that came with the old one alone.
        expect(named(one, 'node-refused')).toHaveLength(rotations);
        expect(named(one, 'node-left').filter((line) => !JSON.stringify(line).includes('"node":"node~'))).toEqual([]);
        for (const text of secrets) expect(one.text.join('\n')).not.toContain(text.slice(0, 12));
      }
      // Links of the time before end with the secret that proved them.
      expect(members.some((one) => named(one, 'links-renewed').length > 0)).toBe(true);
      if (process.env.TROUPE_PROOF_RUNS !== undefined) {
        console.log({ rotations, messages: [...sent.values()].reduce((sum, { told: count }) => sum + count, 0) });
      }
    },
    60_000 + rotations * 60_000,
  );
});

describe('a secret that is taken out too early', () => {
  it('keeps the others out until they have the new one, and nothing is lost within the window', async () => {
    const [old, next] = [newSecret(), newSecret()];
    let far: LiveSecrets = { current: old };
    let near: LiveSecrets = { current: old };
    const start = async (read: () => LiveSecrets, more: object): Promise<ActorSystem> => {
      const options = { registry, threads: 0, logLevel: 'silent', resumeMs: 60_000, ...more } as const;
      const system = await createSystem({ ...options, auth: secret({ read }) });
      ends.push(() => system.shutdown({ deadlineMs: 500 }));
      return system;
    };
    const a = await start(() => far, { listen: 'ws://127.0.0.1:0', roles: ['far'], name: 'far' });
    const b = await start(() => near, { join: [a.address!], name: 'near' });
    const ref = await b.spawn(listener, { on: node({ role: 'far' }) });
    ref.hear({ from: 'b', n: 0, text: '' });
    far = { current: next };
    await expect.poll(() => a.nodes, { timeout: 20_000 }).toEqual([]);
    ref.hear({ from: 'b', n: 1, text: '' });
    const asked = ref.answer({ from: 'b', n: 1, text: '' }, { timeoutMs: 60_000 });
    await soon(500);
    expect(a.nodes).toEqual([]);
    near = { current: old, next };
    expect(await asked).toBe(1);
    expect(await ref.heard()).toEqual({ told: { b: 2 }, asked: { b: 1 } });
    expect(b.statistics().deadLetters).toBe(0);
  }, 60_000);
});

describe('secret({ read })', () => {
  it.each([
    ['31 bytes', () => ({ current: 'x'.repeat(31) })],
    ['no secret', () => ({}) as never],
    [
      'an error',
      () => {
        throw new Error('sealed');
      },
    ],
  ])('lets no system start that is given %s', async (_what, read) => {
    await expect(createSystem({ logLevel: 'silent', auth: secret({ read }) })).rejects.toThrow(
      /at least 32|read\(\) gave no secret|sealed/,
    );
  });

  it('takes bytes as it takes text', async () => {
    const text = newSecret();
    const a = await createSystem({
      listen: 'ws://127.0.0.1:0',
      logLevel: 'silent',
      auth: secret({ read: async () => ({ current: Buffer.from(text) }) }),
    });
    ends.push(() => a.shutdown());
    const b = await createSystem({
      join: [a.address!],
      logLevel: 'silent',
      auth: secret({ read: () => ({ current: text }) }),
    });
    ends.push(() => b.shutdown());
    expect(b.nodes).toEqual([a.nodeId]);
  });
});
