/** Where an actor is to run, settled into the id of a place. */
import { describe, expect, it } from 'vitest';
import { SpawnFailed } from '../../src/actors/errors.ts';
import { PlaceChoice, type PlaceSources } from '../../src/runtime/place-choice.ts';
import { here, node, spread, thread } from '../../src/runtime/placement.ts';

function choiceOf(sources: Partial<PlaceSources> = {}): PlaceChoice {
  return new PlaceChoice({
    main: from,
    homeOf: ({ place }) => place,
    refuseIfDiffering: () => undefined,
    thread: async () => 'n~1/t1',
    running: [],
    node: ({ role }) => `m~1/${role}`,
    ...sources,
  });
}
const from = 'n~1/main';

describe('the choice of a place', () => {
  it('is the place that spawns for here(), a worker for thread(), a node of the role for node()', async () => {
    const choice = choiceOf();
    const chosen = [here(), thread(), node({ role: 'gpu' })].map((where) => choice.choose(where, 'counter', from));
    expect(await Promise.all(chosen)).toEqual(['n~1/main', 'n~1/t1', 'm~1/gpu']);
  });

  it('goes round the places of a spread, of each spread by itself', async () => {
    const choice = choiceOf();
    const [a, b] = [spread([here(), thread()]), spread([thread(), node({ role: 'x' }), here()])];
    const chosen: string[] = [];
    for (const where of [a, b, a, b, b, a, b]) chosen.push(await choice.choose(where, 'counter', from));
    expect(chosen).toEqual(['n~1/main', 'n~1/t1', 'n~1/t1', 'm~1/x', 'n~1/main', 'n~1/main', 'n~1/t1']);
  });

  it('goes round within a spread of a spread', () => {
    const choice = choiceOf();
    const where = spread([spread([here(), thread()]), node({ role: 'x' })]);
    const kinds = [1, 2, 3, 4].map(() => choice.settle(where).kind);
    expect(kinds).toEqual(['here', 'node', 'thread', 'node']);
  });

  it('remembers the turns of 256 spreads, and begins the one that was used longest ago anew', () => {
    const choice = choiceOf();
    const spreads = Array.from({ length: 257 }, (_, n) => spread([here(), node({ role: `r${n}` })]));
    for (const where of spreads) choice.settle(where);
    expect([choice.settle(spreads[256]!).kind, choice.settle(spreads[0]!).kind]).toEqual(['node', 'here']);
  });

  it('falls back on the threads that run once the system takes no new ones, in turn', async () => {
    const refused = async (): Promise<string> => {
      throw new SpawnFailed('shutdown', 'the system is shutting down');
    };
    const choice = choiceOf({ thread: refused, running: ['n~1/t1', 'n~1/t2'] });
    const chosen = [1, 2, 3].map(() => choice.choose(thread(), 'counter', from));
    expect(new Set(await Promise.all(chosen))).toEqual(new Set(['n~1/t1', 'n~1/t2']));
    await expect(choiceOf({ thread: refused }).choose(thread(), 'counter', from)).rejects.toMatchObject({
      reason: 'shutdown',
    });
  });
});
