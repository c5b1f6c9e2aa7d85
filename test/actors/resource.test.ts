/** Resources of a place: opened before their first user, closed after their last. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol } from '../../src/actors/protocol.ts';
import { type Resource, resource } from '../../src/actors/resource.ts';
import { kill, stop } from '../../src/actors/verbs.ts';
import { type Deferred, deferred, ended } from '../support/deferred.ts';
import { testHost } from '../support/test-host.ts';

const Reader = protocol('reader', { read: ask({ output: z.string() }) });

function reader(...uses: Resource<string, string>[]) {
  return actor(
    Reader,
    { args: z.object({}), state: () => ({}), uses },
    { read: (_state, _message, context) => uses.map((one) => context.use(one)).join() },
  );
}

/** A resource that notes when it is opened and closed. */
function noting(name: string, events: string[], gate?: Deferred<void>): Resource<string, string> {
  return resource(name, {
    open: async () => {
      events.push(`open ${name}`);
      await gate?.promise;
      return `value of ${name}`;
    },
    close: (value) => {
      events.push(`close ${value}`);
    },
  });
}

describe('a resource', () => {
  test('is opened once for 3 actors that start together, and closed after the last has ended', async () => {
    const { spawn, settle } = testHost();
    const events: string[] = [];
    const db = noting('db', events);
    const refs = await Promise.all([1, 2, 3].map(() => spawn(reader(db))));
    expect(await refs[0]!.read()).toBe('value of db');
    await stop(refs[0]!);
    await kill(refs[1]!);
    await settle();
    expect(events).toEqual(['open db']);
    await stop(refs[2]!);
    await settle();
    expect(events).toEqual(['open db', 'close value of db']);
  });

  test('is opened anew for a user that comes after the last', async () => {
    const { spawn, settle } = testHost();
    const events: string[] = [];
    const db = noting('db', events);
    await stop(await spawn(reader(db)));
    await settle();
    await spawn(reader(db));
    expect(events).toEqual(['open db', 'close value of db', 'open db']);
  });

  test('that cannot be opened is SpawnFailed(resource), and closes the 1 that was opened before it', async () => {
    const { spawn, settle, host } = testHost();
    const events: string[] = [];
    const broken = resource('broken', {
      open: (): string => {
        throw new Error('no connection');
      },
    });
    const start = await ended(spawn(reader(noting('db', events), broken), { name: 'one' }));
    expect(start).toMatchObject({
      error: { code: 'SpawnFailed', reason: 'resource', message: expect.stringMatching(/broken.*no connection/) },
    });
    await settle();
    expect(events).toEqual(['open db', 'close value of db']);
    expect(host.rootCount).toBe(0);
    await spawn(reader(), { name: 'one' });
  });

  test('is given back when the state fails after it was opened', async () => {
    const { spawn, settle } = testHost();
    const events: string[] = [];
    const failing = actor(
      Reader,
      {
        args: z.object({}),
        state: (): object => {
          throw new Error('no state');
        },
        uses: [noting('db', events)],
      },
      { read: () => '' },
    );
    expect(await ended(spawn(failing))).toMatchObject({ error: { code: 'SpawnFailed', reason: 'state' } });
    await settle();
    expect(events).toEqual(['open db', 'close value of db']);
  });

  test('is closed once when its user is killed while it is being opened', async () => {
    const { host, settle } = testHost();
    const events: string[] = [];
    const gate = deferred();
    const cell = host.spawn(reader(noting('db', events, gate)), { args: {}, name: undefined, parent: undefined });
    const started = ended(cell.started!);
    await settle();
    await cell.stop(true, undefined);
    gate.resolve();
    expect(await started).toMatchObject({ error: { code: 'SpawnFailed' } });
    await settle();
    expect(events).toEqual(['open db', 'close value of db']);
  });

  test('that fails to close is logged, and the actor has ended all the same', async () => {
    const { spawn, settle, log } = testHost();
    const sticky = resource('sticky', {
      open: () => 'value',
      close: () => {
        throw new Error('stuck');
      },
    });
    await stop(await spawn(reader(sticky)));
    await settle();
    expect(log.of('error').map((line) => line.text)).toEqual([expect.stringContaining('sticky')]);
  });

  test('that the actor does not name in `uses` is a failure that says so', async () => {
    const { spawn, log } = testHost();
    const events: string[] = [];
    const db = noting('db', events);
    const cache = noting('cache', events);
    const wrong = actor(
      Reader,
      { args: z.object({}), state: () => ({}), uses: [db] },
      { read: (_state, _message, context) => context.use(cache) },
    );
    await ended((await spawn(wrong)).read());
    expect(log.of('error')[0]?.text).toMatch(/cache.*uses/);
  });

  test('that never closes does not hold the shutdown beyond its deadline of 300 ms, and is named', async () => {
    const { spawn, host, advance } = testHost();
    const sticky = resource('sticky', { open: () => 'value', close: () => new Promise<void>(() => undefined) });
    await spawn(reader(sticky));
    const closing = ended(host.close(300));
    await advance(300);
    expect(await closing).toEqual({ value: [expect.stringContaining('resource "sticky"')] });
  });

  test.each([
    ['heeds its signal', true],
    ['never answers', false],
  ])('that is still opening and %s does not delay the shutdown', async (_what, heeds) => {
    const { host, settle, clock } = testHost();
    const startMs = clock.monotonicMs();
    const slow = resource('slow', {
      open: ({ signal }) =>
        new Promise<string>((_resolve, reject) => {
          if (heeds) signal.addEventListener('abort', () => reject(new Error('aborted')));
        }),
    });
    const cell = host.spawn(reader(slow), { args: {}, name: undefined, parent: undefined });
    const started = ended(cell.started!);
    await settle();
    const closing = host.close(heeds ? 1_500 : 0);
    expect(await started).toMatchObject({ error: { code: 'SpawnFailed', reason: 'resource' } });
    if (!heeds) return;
    expect(await closing).toEqual([]);
    expect(clock.monotonicMs()).toBe(startMs);
  });

  test('can be replaced by another of its name', async () => {
    const events: string[] = [];
    const fake: Resource<string, unknown> = { kind: 'resource', name: 'db', open: () => 'fake' };
    const { spawn } = testHost({ resourceFor: (declared) => (declared.name === 'db' ? fake : declared) });
    const ref = await spawn(reader(noting('db', events)));
    expect(await ref.read()).toBe('fake');
    expect(events).toEqual([]);
  });
});
