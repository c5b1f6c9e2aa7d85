/** A way to an actor that has moved: how it changes over, by a target whose fences the test answers. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Way } from '../../../src/actors/moving/way.ts';
import type { EndReason, Target, Watcher } from '../../../src/actors/target.ts';
import { deferred } from '../../support/deferred.ts';
import { proofRuns, proofTimeoutMs } from '../../support/proof-runs.ts';

/** Somewhere that a way may lead. */
class Somewhere {
  readonly name: string;
  readonly got: string[] = [];
  readonly watchers = new Set<Watcher>();
  readonly #fences: ReturnType<typeof deferred<void>>[] = [];

  constructor(name: string) {
    this.name = name;
  }

  fence(): Promise<void> {
    this.got.push('fence');
    const fence = deferred<void>();
    this.#fences.push(fence);
    return fence.promise;
  }

  /** Everything before the oldest fence has arrived. */
  async cross(): Promise<void> {
    this.#fences.shift()?.resolve();
    for (let n = 0; n < 3; n += 1) await Promise.resolve();
  }

  get fenced(): number {
    return this.#fences.length;
  }

  watch(watcher: Watcher): void {
    this.watchers.add(watcher);
  }

  unwatch(watcher: Watcher): void {
    this.watchers.delete(watcher);
  }

  end(reason: EndReason): void {
    for (const watcher of [...this.watchers]) {
      this.watchers.delete(watcher);
      watcher.terminated(reason);
    }
  }

  get target(): Target {
    return this as unknown as Target;
  }
}

function wayTo(first: Somewhere) {
  const ended: EndReason[] = [];
  const way = new Way(first.target, 1, (reason) => void ended.push(reason)).follow();
  const send = (text: string): void => way.through(() => void (way.to as unknown as Somewhere).got.push(text));
  return { way, ended, send };
}

describe('a way', () => {
  it('sends what comes before the fence the old way, and what comes after it the new way, in order', async () => {
    const [a, b] = [new Somewhere('a'), new Somewhere('b')];
    const { way, send } = wayTo(a);
    send('1');
    way.switchTo(b.target, 2);
    send('2');
    send('3');
    expect([way.isHeld, way.waiting, a.got, b.got]).toEqual([true, 2, ['1', 'fence'], []]);
    await a.cross();
    send('4');
    expect([way.isHeld, a.got, b.got]).toEqual([false, ['1', 'fence'], ['2', '3', '4']]);
  });

  it('goes by the newest of 3 places that it is told of, and past those that are older', async () => {
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => new Somewhere(name)) as [
      Somewhere,
      Somewhere,
      Somewhere,
      Somewhere,
    ];
    const { way, send } = wayTo(a);
    way.switchTo(b.target, 3);
    way.switchTo(d.target, 5);
    way.switchTo(c.target, 4);
    send('1');
    await a.cross();
    expect([b.got, c.got, d.got]).toEqual([[], [], ['1']]);
  });

  it('tells the end of where it leads, once, and not that of a place that it is leaving', async () => {
    const [a, b] = [new Somewhere('a'), new Somewhere('b')];
    const { way, ended } = wayTo(a);
    way.switchTo(b.target, 2);
    a.end('place-lost');
    await a.cross();
    expect(ended).toEqual([]);
    b.end('killed');
    b.end('killed');
    expect(ended).toEqual(['killed']);
  });

  it('looks where the actor may have gone when the place is lost that it was at', async () => {
    const [a, b] = [new Somewhere('a'), new Somewhere('b')];
    const { way, ended, send } = wayTo(a);
    way.mayLead(b.target, 2);
    a.end('place-lost');
    send('1');
    await a.cross();
    expect([ended, b.got, b.watchers.size]).toEqual([[], ['1'], 1]);
    // It did not arrive there.
    b.end('unknown');
    expect(ended).toEqual(['place-lost']);
  });

  it('keeps what comes while the actor is about to arrive, and sends it on where it stays after all', async () => {
    const [a, b, here] = [new Somewhere('a'), new Somewhere('b'), new Somewhere('here')];
    const { way, send } = wayTo(a);
    let ready = false;
    void way.arrive().then(() => {
      ready = true;
    });
    send('1');
    expect(ready).toBe(false);
    await a.cross();
    expect([ready, way.isHeld]).toEqual([true, true]);
    way.switchTo(b.target, 2);
    way.stayed();
    expect(b.got).toEqual(['1']);
    void way.arrive();
    send('2');
    await b.cross();
    way.arrived(here.target, 3);
    send('3');
    expect([b.got, here.got]).toEqual([
      ['1', 'fence'],
      ['2', '3'],
    ]);
  });

  it('has those who watch by it watch on where it leads to, and told once', async () => {
    const [a, b] = [new Somewhere('a'), new Somewhere('b')];
    const { way } = wayTo(a);
    const told: EndReason[] = [];
    const watcher: Watcher = { terminated: (reason) => void told.push(reason) };
    const other: Watcher = { terminated: () => void told.push('unknown') };
    way.watch(watcher, false);
    way.watch(other, false);
    way.switchTo(b.target, 2);
    a.end('place-lost');
    await a.cross();
    expect(way.unwatch(other)).toBe(true);
    b.end('stopped');
    expect(told).toEqual(['stopped']);
    expect(way.unwatch(watcher)).toBe(false);
  });

  it(
    'loses, doubles and reorders nothing in 300 random programs of sends, moves and crossings',
    async () => {
      const step = fc.oneof(
        { weight: 4, arbitrary: fc.constant('send' as const) },
        { weight: 2, arbitrary: fc.constant('switch' as const) },
        { weight: 3, arbitrary: fc.constant('cross' as const) },
        { weight: 1, arbitrary: fc.constant('arrive' as const) },
        { weight: 1, arbitrary: fc.constant('arrived' as const) },
        { weight: 1, arbitrary: fc.constant('stayed' as const) },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
          const places = [new Somewhere('0')];
          const { way } = wayTo(places[0]!);
          const log: string[] = [];
          let sent = 0;
          let hop = 1;
          let arriving: { isReady: boolean } | undefined;
          const to = (): Somewhere => way.to as unknown as Somewhere;
          for (const one of steps) {
            if (one === 'send') {
              const text = String(sent++);
              way.through(() => {
                // Whoever fenced a place sends nothing more there before it has crossed.
                expect(to().fenced).toBe(0);
                log.push(text);
              });
            } else if (one === 'switch') {
              hop += 1;
              places.push(new Somewhere(String(hop)));
              way.switchTo(places.at(-1)!.target, hop);
            } else if (one === 'cross') await to().cross();
            else if (one === 'arrive' && arriving === undefined) {
              const arrival = { isReady: false };
              arriving = arrival;
              void way.arrive().then(() => {
                arrival.isReady = true;
              });
            } else if (one === 'arrived' && arriving?.isReady === true) {
              hop += 1;
              arriving = undefined;
              places.push(new Somewhere('here'));
              way.arrived(places.at(-1)!.target, hop);
            } else if (one === 'stayed' && arriving !== undefined) {
              arriving = undefined;
              way.stayed();
            }
            await Promise.resolve();
          }
          if (arriving !== undefined) way.stayed();
          for (let left = 0; left < 5; left += 1) await to().cross();
          expect(log).toEqual(Array.from({ length: sent }, (_, n) => String(n)));
          expect(way.isHeld).toBe(false);
        }),
        { numRuns: proofRuns(300) },
      );
    },
    proofTimeoutMs(300),
  );
});
