/** Live moves between real threads, under load from every side, and while threads die. */
import { fileURLToPath } from 'node:url';
import { type ActorSystem, createSystem, here, MoveRefused, node, pathOf, type Ref, secret, thread } from 'troupe';
import { afterEach, describe, expect, it } from 'vitest';
import { proofRuns } from '../support/proof-runs.ts';
import { Journal, journal, type Talker, talker } from './fixtures/movers.ts';
import { endNode, type NodeProcess, secretFolder, startNode } from './node-process.ts';

let system: ActorSystem | undefined;
let other: NodeProcess | undefined;
let folder: Awaited<ReturnType<typeof secretFolder>> | undefined;
afterEach(async () => {
  await system?.shutdown({ deadlineMs: 1_000 });
  if (other !== undefined) await endNode(other);
  await folder?.remove();
  system = other = folder = undefined;
});

const registry = new URL('./fixtures/movers.ts', import.meta.url);
async function start(threads: number, more: Partial<Parameters<typeof createSystem>[0]> = {}): Promise<ActorSystem> {
  system = await createSystem({ registry, threads, logLevel: 'silent', ...more });
  return system;
}
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Notes of this thread, for so long. Returns how many. */
async function talkHere(to: Ref<typeof Journal>, by: string, isOver: () => boolean): Promise<number> {
  let sent = 0;
  while (!isOver()) {
    let hasRoom = true;
    for (let n = 0; n < 8 && hasRoom; n += 1) hasRoom = to.note({ by, n: sent++ });
    if (hasRoom) await sleep(2);
    else await to.note.offer({ by, n: sent++ }, { timeoutMs: 20_000 });
  }
  return sent;
}

describe('an actor that moves between threads', () => {
  const moves = proofRuns(40);

  it(
    `keeps the order of 5 senders, one of them on another node, over ${moves} moves, and loses nothing`,
    async () => {
      folder = await secretFolder();
      other = await startNode(folder.file, 'ws://127.0.0.1:0', ['--registry', fileURLToPath(registry)]);
      await start(3, { join: [other.address], auth: secret({ file: folder.file }) });
      const [ref, ...talkers] = await Promise.all([
        system!.spawn(journal, { on: thread(), name: 'journal' }),
        system!.spawn(talker, { on: thread() }),
        system!.spawn(talker, { on: thread() }),
        system!.spawn(talker, { on: thread() }),
        system!.spawn(talker, { on: node({ role: 'workers' }) }),
      ]);
      ref.every({ ms: 5 });
      const path = pathOf(ref);
      let over = false;
      let counted = 0;
      let total = -1;
      const reading = (async () => {
        for await (const count of ref.counts()) {
          expect(count).toBeGreaterThanOrEqual(counted);
          counted = count;
          if (over && count === total) return;
        }
      })();
      const places = new Set<string>();
      const roundMs = 1_500;
      const sent: Record<string, number> = {};
      let made = 0;
      for (let round = 0; made < moves; round += 1) {
        let roundOver = false;
        const talks = talkers.map((one: Ref<typeof Talker>, at) =>
          one.talk({ to: ref, by: `talker ${at} ${round}`, ms: roundMs }, { timeoutMs: 60_000 }),
        );
        const main = talkHere(ref, `main ${round}`, () => roundOver);
        const endsAt = Date.now() + roundMs;
        while (Date.now() < endsAt && made < moves) {
          await system!.move(ref, made % 4 === 3 ? here() : thread(), { deadlineMs: 20_000 });
          made += 1;
          places.add(await ref.at({ timeoutMs: 20_000 }));
        }
        roundOver = true;
        sent[`main ${round}`] = await main;
        for (const [at, talk] of talks.entries()) sent[`talker ${at} ${round}`] = await talk;
      }
      const { last, wrong } = await ref.noted({ timeoutMs: 60_000 });
      expect(wrong).toEqual([]);
      await expect
        .poll(async () => (await ref.noted({ timeoutMs: 20_000 })).last, { timeout: 20_000 })
        .toEqual(Object.fromEntries(Object.entries(sent).map(([by, count]) => [by, count - 1])));
      expect(Object.keys(last).length).toBe(Object.keys(sent).length);
      total = Object.values(sent).reduce((sum, count) => sum + count, 0);
      over = true;
      ref.note({ by: 'last', n: 0 });
      total += 1;
      await reading;
      expect(places.size).toBeGreaterThan(2);
      expect(pathOf(ref)).toBe(path);
      expect(pathOf((await system!.find(Journal, 'journal'))!)).toBe(path);
      expect(await ref.ticks()).toBeGreaterThan(10);
      expect(system!.statistics()).toMatchObject({ deadLetters: 0, lostWithPlace: 0 });
      const trees = await system!.tree();
      expect(trees.flatMap(({ actors }) => actors.filter((one) => one.actor === 'journal'))).toHaveLength(1);
    },
    60_000 + moves * 500,
  );

  const kills = proofRuns(4);
  it(
    `is on one thread or gone when threads die in between, ${kills} times, and every call settles`,
    async () => {
      await start(3);
      for (let round = 0; round < kills; round += 1) {
        const ref = await system!.spawn(journal, { on: thread() });
        const talkers = await Promise.all([1, 2, 3].map(() => system!.spawn(talker, { on: thread() })));
        const asks: Promise<string>[] = [];
        let over = false;
        const moving = (async () => {
          for (let n = 0; n < 30 && !over; n += 1) {
            await system!.move(ref, n % 3 === 2 ? here() : thread(), { deadlineMs: 5_000 }).then(
              () => 'moved',
              (error: unknown) => {
                if (!(error instanceof MoveRefused)) throw error;
                if (error.reason === 'gone') over = true;
              },
            );
            asks.push(ref.at({ timeoutMs: 3_000 }).catch((error: { code: string }) => error.code));
          }
        })();
        await sleep(5 + Math.random() * 60);
        talkers[round % 3]!.exits();
        await moving;
        const answers = await Promise.all(asks);
        for (const answer of answers) expect(answer).toMatch(/^(main|\d+|NotDelivered|OutcomeUnknown|ActorFailed)$/);
        // A thread that has died is replaced; nothing is left on two sides.
        await expect
          .poll(async () => (await system!.tree()).every(({ answered }) => answered), { timeout: 5_000 })
          .toBe(true);
        const number = pathOf(ref).slice(pathOf(ref).lastIndexOf('/'));
        const running = (await system!.tree()).flatMap(({ actors }) =>
          actors.filter(({ path }) => path === pathOf(ref)),
        );
        expect(number).not.toBe('');
        expect(running.length).toBeLessThanOrEqual(1);
        const answer = await ref.at({ timeoutMs: 3_000 }).catch((error: { code: string }) => error.code);
        if (running.length === 0) expect(answer).toBe('NotDelivered');
      }
    },
    60_000 + kills * 10_000,
  );

  it('is refused to another node, and for an actor of another node', async () => {
    folder = await secretFolder();
    other = await startNode(folder.file, 'ws://127.0.0.1:0', ['--registry', fileURLToPath(registry)]);
    await start(1, { join: [other.address], auth: secret({ file: folder.file }) });
    const ref = await system!.spawn(journal);
    const far = await system!.spawn(journal, { on: node({ role: 'workers' }) });
    await expect(system!.move(ref, node({ role: 'workers' }))).rejects.toMatchObject({
      code: 'MoveRefused',
      reason: 'place',
    });
    await expect(system!.move(far, here())).rejects.toMatchObject({ code: 'MoveRefused', reason: 'place' });
    await expect(system!.move({} as never, here())).rejects.toMatchObject({ code: 'UsageError' });
    await expect(system!.move(ref, thread as never)).rejects.toMatchObject({ code: 'UsageError' });
    await expect(system!.move(ref, thread(), { deadlineMs: -1 })).rejects.toMatchObject({ code: 'UsageError' });
    await system!.move(ref, thread());
    expect(await ref.at()).not.toBe('main');
    ref.note({ by: 'x', n: 0 });
    await system!.move(ref, here());
    expect((await ref.noted()).last).toEqual({ x: 0 });
  });

  it('ends with the system, and is moved no more while that ends', async () => {
    await start(2);
    const ref = await system!.spawn(journal, { name: 'j' });
    await system!.move(ref, thread());
    const ended = system!.shutdown({ deadlineMs: 3_000 });
    await expect(system!.move(ref, here())).rejects.toMatchObject({ code: 'MoveRefused', reason: 'place' });
    expect((await ended).clean).toBe(true);
    system = undefined;
  });
});
