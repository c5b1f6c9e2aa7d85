/** The top of a place: what happens to what escalates there, and the listing of what runs below. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { Guardian } from '../../src/actors/guardian.ts';
import { ask, protocol, type Ref, tell } from '../../src/actors/protocol.ts';
import type { Supervise } from '../../src/actors/supervise.ts';
import { treeOf, viewsOf } from '../../src/actors/tree.ts';
import { pathOf } from '../../src/actors/verbs.ts';
import { deferred, ended } from '../support/deferred.ts';
import { type TestHost, testHost } from '../support/test-host.ts';

const Unit = protocol('unit', {
  fail: tell(),
  hold: ask({ output: z.string() }),
  hire: tell(z.string()),
});

function unit(supervise: Supervise, events: string[] = []) {
  const gate = deferred<string>();
  const definition = actor(
    Unit,
    {
      args: z.object({ label: z.string().default('top') }),
      state: ({ label }) => ({ label }),
      supervise,
      signals: { started: ({ label }, { generation }) => void events.push(`${label} ${generation}`) },
    },
    {
      fail: () => {
        throw new Error('broken');
      },
      hold: () => gate.promise,
      hire: (_state, name, context) => {
        const child: Ref<typeof Unit> = context.spawn(definition, { name, args: { label: name } });
        void child;
      },
    },
  );
  return definition;
}

const escalates: Supervise = { directive: () => 'escalate' };
const shutdowns = (host: TestHost, escalated: 'stop' | 'shutdown'): string[] => {
  const calls: string[] = [];
  const guardian = new Guardian({ escalated }, host.log, (path, why) => void calls.push(`${path} ${why}`));
  Object.assign(host.host, { guardian });
  return calls;
};

describe('a top-level actor that escalates', () => {
  test('stops, with an error in the log, and nothing else happens unless it was said', async () => {
    const host = testHost();
    const calls = shutdowns(host, 'stop');
    const [ref, other] = [await host.spawn(unit(escalates)), await host.spawn(unit({}))];
    ref.fail();
    await host.settle();
    expect(host.log.of('error').map(({ text }) => text)).toEqual([
      expect.stringContaining('stops, with nobody above to escalate to'),
    ]);
    expect(calls).toEqual([]);
    expect([...host.host.roots].map((cell) => cell.path())).toEqual([pathOf(other)]);
  });

  test('shuts the system down where the guardian says so, also when its budget is used up', async () => {
    const host = testHost();
    const calls = shutdowns(host, 'shutdown');
    const ref = await host.spawn(unit({ restartsMax: 1, exhausted: 'escalate' }));
    ref.fail();
    await host.settle();
    expect(calls).toEqual([]);
    ref.fail();
    await host.settle();
    expect(calls).toEqual([`${pathOf(ref)} Error: broken`]);
    expect(host.log.of('error').at(-1)?.text).toContain('the system shuts down');
  });

  test('has the failure of its child when that escalated through it', async () => {
    const host = testHost();
    const calls = shutdowns(host, 'shutdown');
    const ref = await host.spawn(unit(escalates));
    ref.hire('low');
    await host.settle();
    const [child] = [...[...host.host.roots][0]!.children];
    child!.failedBeside(new Error('deep'));
    await host.settle();
    expect(calls).toEqual([
      expect.stringMatching(/^troupe:\S+\/unit#1 ActorFailed: its child \S+\/unit\/low#2 failed/),
    ]);
  });
});

describe('the strategy of the guardian', () => {
  test.each([
    ['one-for-one', ['b 1']],
    ['rest-for-one', ['b 1', 'c 1']],
    ['all-for-one', ['a 1', 'b 1', 'c 1']],
  ] as const)('%s restarts %j when the second of 3 fails', async (strategy, expected) => {
    const host = testHost();
    Object.assign(host.host, { guardian: new Guardian({ strategy }, host.log, () => undefined) });
    const events: string[] = [];
    const refs: Ref<typeof Unit>[] = [];
    for (const label of ['a', 'b', 'c']) refs.push(await host.spawn(unit({}, events), { args: { label } }));
    events.length = 0;
    refs[1]!.fail();
    await host.settle();
    expect(events).toEqual(expected);
  });
});

describe('the tree', () => {
  test('shows 4 actors in their places, with status, what they do, and how many messages wait', async () => {
    const host = testHost();
    const ref = await host.spawn(unit({}), { name: 'boss' });
    ref.hire('left');
    ref.hire('right');
    await host.settle();
    await host.spawn(unit({}), { name: 'alone' });
    void ended(ref.hold());
    await host.settle();
    ref.fail();
    ref.fail();
    const tree = treeOf('p', host.host.roots);
    expect(tree).toMatchObject({
      place: 'p',
      answered: true,
      omitted: 0,
      actors: [
        {
          path: pathOf(ref),
          actor: 'unit',
          status: 'suspended',
          doing: 'unit.hold',
          queued: 2,
          restarts: 0,
          children: [
            { path: expect.stringContaining('/boss/left#'), status: 'idle', doing: undefined, queued: 0, children: [] },
            { path: expect.stringContaining('/boss/right#') },
          ],
        },
        { path: expect.stringContaining('/alone#'), children: [] },
      ],
    });
    expect(viewsOf(host.host.roots).map(({ path }) => path.replace(/.*main|#.*/g, ''))).toEqual([
      '/boss/right',
      '/boss/left',
      '/alone',
      '/boss',
    ]);
    const cut = treeOf('p', host.host.roots, 3);
    expect(cut.actors.map(({ children }) => children.length)).toEqual([1, 0]);
    expect(cut.omitted).toBe(1);
  });
});
