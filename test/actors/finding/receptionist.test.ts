/** The receptionist on one place: who is found, by what, and for how long. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type ActorDefinition, actor } from '../../../src/actors/actor.ts';
import { Receptionist } from '../../../src/actors/finding/receptionist.ts';
import { serviceKey } from '../../../src/actors/finding/service-key.ts';
import { ask, protocol, type Ref, tell } from '../../../src/actors/protocol.ts';
import { kill, pathOf, stop } from '../../../src/actors/verbs.ts';
import { limits } from '../../../src/base/limits.ts';
import { ended } from '../../support/deferred.ts';
import { type TestHost, testHost } from '../../support/test-host.ts';

const Worker = protocol('worker', { work: ask({ output: z.string() }), fail: tell() });
const Other = protocol('other', { note: tell() });
const workers = serviceKey('workers', Worker);

const worker: ActorDefinition<typeof Worker, z.ZodObject<{}>> = actor(
  Worker,
  { args: z.object({}), state: () => ({}) },
  {
    work: (_state, _message, ctx) => String(ctx.self),
    fail: () => {
      throw new Error('as planned');
    },
  },
);
const other = actor(Other, { args: z.object({}), state: () => ({}) }, { note: () => undefined });

function receptionistOf(host: TestHost): Receptionist {
  return new Receptionist(host.host, host.host.outside);
}
const paths = (refs: readonly Ref<typeof Worker>[]): string[] => refs.map(pathOf);

describe('the receptionist', () => {
  it('gives those registered under a key, oldest first, each once, until they are taken out', async () => {
    const host = testHost();
    const receptionist = receptionistOf(host);
    expect(await receptionist.find(workers)).toEqual([]);
    const [a, b] = [await host.spawn(worker), await host.spawn(worker)];
    for (const ref of [a, b, a]) await receptionist.register(workers, ref);
    const found = await receptionist.find(workers);
    expect(paths(found)).toEqual([pathOf(a), pathOf(b)]);
    expect(await found[0]!.work()).toBe(pathOf(a));
    expect(await receptionist.unregister(workers, a)).toBe(true);
    expect(await receptionist.unregister(workers, a)).toBe(false);
    expect(paths(await receptionist.find(workers))).toEqual([pathOf(b)]);
  });

  it('forgets an actor when it stops or is killed, and not when it restarts', async () => {
    const host = testHost();
    const receptionist = receptionistOf(host);
    const all = [await host.spawn(worker), await host.spawn(worker), await host.spawn(worker)] as const;
    for (const ref of all) await receptionist.register(workers, ref);
    all[0].fail();
    await host.settle();
    expect(paths(await receptionist.find(workers))).toHaveLength(3);
    await stop(all[0]);
    await kill(all[1]);
    expect(paths(await receptionist.find(workers))).toEqual([pathOf(all[2])]);
    await receptionist.register(workers, all[0]);
    expect(paths(await receptionist.find(workers))).toEqual([pathOf(all[2])]);
  });

  it('tells a subscriber who is there, and then each change: 1, 2, 1 and 0 of them', async () => {
    const host = testHost();
    const receptionist = receptionistOf(host);
    const [a, b] = [await host.spawn(worker), await host.spawn(worker)];
    await receptionist.register(workers, a);
    const seen: string[][] = [];
    const reading = receptionist.subscribe(workers).subscribe({ next: (refs) => seen.push(paths(refs)) });
    await host.settle();
    await receptionist.register(workers, b);
    await host.settle();
    await kill(a);
    await host.settle();
    await receptionist.unregister(workers, b);
    await host.settle();
    expect(seen).toEqual([[pathOf(a)], [pathOf(a), pathOf(b)], [pathOf(b)], []]);
    // A change under another key is none of its business.
    await receptionist.register(serviceKey('others', Other), await host.spawn(other));
    await host.settle();
    expect(seen).toHaveLength(4);
    reading.unsubscribe();
    await receptionist.register(workers, b);
    await host.settle();
    expect(seen).toHaveLength(4);
  });

  it('gives a slow subscriber the latest listing after 50 changes, and not 50 listings', async () => {
    const host = testHost();
    const receptionist = receptionistOf(host);
    const reader = receptionist.subscribe(workers)[Symbol.asyncIterator]();
    expect((await reader.next()).value).toEqual([]);
    const ref = await host.spawn(worker);
    for (let n = 0; n < 25; n += 1) {
      await receptionist.register(workers, ref);
      await host.settle();
      await receptionist.unregister(workers, ref);
      await host.settle();
    }
    await receptionist.register(workers, ref);
    await host.settle();
    expect(paths((await reader.next()).value!)).toEqual([pathOf(ref)]);
    await reader.return?.();
  });

  it('refuses a key that stands for another protocol, to whoever asks, until nobody is registered', async () => {
    const host = testHost();
    const receptionist = receptionistOf(host);
    const wrong = serviceKey('workers', Other);
    const [a, b] = [await host.spawn(worker), await host.spawn(other)];
    const early = ended(
      (async () => {
        for await (const _refs of receptionist.subscribe(wrong));
      })(),
    );
    await host.settle();
    await receptionist.register(workers, a);
    const refused = { code: 'LookupFailed', reason: 'protocol' };
    await expect(receptionist.register(wrong, b)).rejects.toMatchObject(refused);
    await expect(receptionist.find(wrong)).rejects.toMatchObject({
      ...refused,
      message: 'service key "workers" stands for actors of "worker", not of "other"; use another service key',
    });
    expect(await early).toMatchObject({ error: refused });
    await stop(a);
    await receptionist.register(wrong, b);
    expect(await receptionist.find(wrong)).toHaveLength(1);
  });

  it('finds a top-level actor by its name and protocol, and nobody once it has ended', async () => {
    const host = testHost();
    const receptionist = receptionistOf(host);
    const ref = await host.spawn(worker, { name: 'w-1' });
    const found = await receptionist.named(Worker, 'w-1');
    expect(pathOf(found!)).toBe(pathOf(ref));
    await expect(receptionist.named(Other, 'w-1')).rejects.toMatchObject({ code: 'LookupFailed', reason: 'protocol' });
    expect(await receptionist.named(Worker, 'w-2')).toBeUndefined();
    await stop(ref);
    expect(await receptionist.named(Worker, 'w-1')).toBeUndefined();
  });

  it('is used by actors through ctx.receptionist, whose refs are theirs', async () => {
    const host = testHost();
    const Boss = protocol('boss', { hire: ask({ output: z.string() }) });
    const selfMade = actor(
      Worker,
      {
        args: z.object({}),
        state: () => ({}),
        signals: { started: (_state, _event, ctx) => ctx.receptionist.register(workers, ctx.self) },
      },
      { work: (_state, _message, ctx) => String(ctx.self), fail: () => undefined },
    );
    const boss = await host.spawn(
      actor(
        Boss,
        { args: z.object({}), state: () => ({}) },
        { hire: async (_state, _message, ctx) => (await ctx.receptionist.find(workers))[0]!.work() },
      ),
    );
    const ref = await host.spawn(selfMade);
    expect(await boss.hire()).toBe(pathOf(ref));
  });

  it('bounds the actors under a key: the 1,025th is refused, and room is made when one ends', async () => {
    const host = testHost();
    const receptionist = receptionistOf(host);
    const all: Ref<typeof Worker>[] = [];
    for (let n = 0; n <= limits.serviceEntriesMax; n += 1) all.push(await host.spawn(worker));
    for (const ref of all.slice(0, -1)) await receptionist.register(workers, ref);
    await expect(receptionist.register(workers, all.at(-1)!)).rejects.toMatchObject({
      code: 'LookupFailed',
      reason: 'full',
      retryable: true,
    });
    await kill(all[0]!);
    await receptionist.register(workers, all.at(-1)!);
    expect(await receptionist.find(workers)).toHaveLength(limits.serviceEntriesMax);
  });

  it('checks the name of a key, and that what is registered is a ref', async () => {
    expect(() => serviceKey('no spaces', Worker)).toThrow(/must start with a letter/);
    const receptionist = receptionistOf(testHost());
    await expect(receptionist.register(workers, {} as never)).rejects.toMatchObject({ code: 'UsageError' });
  });
});
