/** Nothing is silently lost on the way through routers: the counters add up, and every call settles, whatever happens. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../../src/actors/actor.ts';
import { ask, protocol, type Ref, tell } from '../../../src/actors/protocol.ts';
import { pool } from '../../../src/actors/spreading/pool.ts';
import { router } from '../../../src/actors/spreading/router.ts';
import { resize } from '../../../src/actors/spreading/router-control.ts';
import {
  broadcast,
  consistentHash,
  leastMailbox,
  random,
  roundRobin,
  scatterGatherFirst,
} from '../../../src/actors/spreading/strategy.ts';
import { kill, stop } from '../../../src/actors/verbs.ts';
import { seededRandom } from '../../../src/base/platform/seeded-random.ts';
import { ended } from '../../support/deferred.ts';
import { testHost } from '../../support/test-host.ts';

const Item = protocol('item', {
  put: tell(z.int()),
  get: ask({ input: z.int(), output: z.int() }),
  quit: tell(),
  fail: tell(),
});
const Tells = protocol('tells', { put: tell(z.int()) });

type Step =
  | { readonly do: 'tell' | 'ask' | 'offer'; readonly to: number }
  | { readonly do: 'quit' | 'fail' | 'end' | 'kill' | 'resize'; readonly to: number }
  | { readonly do: 'advance'; readonly ms: number };

const through = 7;
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({ do: fc.constantFrom('tell', 'ask', 'offer'), to: fc.nat({ max: through - 1 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('quit', 'fail', 'end', 'kill', 'resize'), to: fc.nat({ max: 6 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.nat({ max: 60 }) }) },
);

test('accepted + refused = handled + dead letters at rest, and every call settles, in 100 random programs through 7 routers and pools', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(), async (program, seed) => {
      const host = testHost({ seed, scheduler: { random: seededRandom(seed), messagesPerSlice: 3 } });
      const worker = actor(
        Item,
        {
          args: z.object({}),
          state: () => ({}),
          mailbox: { highWater: 2, capacity: 4 },
          supervise: { restartsMax: 1 },
        },
        {
          put: (_state, n, ctx) => (n % 3 === 0 ? ctx.delay(n % 20) : undefined),
          get: async (_state, n, ctx) => {
            if (n % 2 === 0) await ctx.delay(n % 30);
            return n;
          },
          quit: (_state, _message, ctx) => ctx.stop(),
          fail: () => {
            throw new Error('as planned');
          },
        },
      );
      const deaf = actor(
        Tells,
        { args: z.object({}), state: () => ({}), mailbox: { highWater: 1, capacity: 2 } },
        { put: (_state, n, ctx) => ctx.delay(n % 10) },
      );
      const routees: Ref<typeof Item>[] = [];
      for (let n = 0; n < 3; n += 1) routees.push(await host.spawn(worker));
      const deafOnes = [await host.spawn(deaf), await host.spawn(deaf)];
      const strategies = [
        roundRobin(),
        random(),
        leastMailbox(),
        consistentHash<typeof Item.ops>((_operation, message) => Number(message) % 5),
        scatterGatherFirst(),
      ];
      const all: Ref<typeof Item>[] = [];
      for (const strategy of strategies) {
        all.push(await host.spawn(router(Item, { strategy }), { args: { routees } }));
      }
      const pooled = await host.spawn(pool(worker, { size: 2, max: 3, queue: { highWater: 2, capacity: 3 } }));
      all.push(
        pooled,
        await host.spawn(router(Item, { strategy: roundRobin() }), { args: { routees: [pooled, all[0]!] } }),
      );
      const toAll = await host.spawn(router(Tells, { strategy: broadcast() }), { args: { routees: deafOnes } });
      let calls = 0;
      let settled = 0;
      const track = (call: Promise<unknown>): void => {
        calls += 1;
        void ended(call).then(() => {
          settled += 1;
        });
      };
      for (const [index, one] of program.entries()) {
        switch (one.do) {
          case 'tell':
            all[one.to]!.put(index);
            toAll.put(index);
            break;
          case 'ask':
            track(all[one.to]!.get(index, { timeoutMs: (index * 7) % 50 }));
            break;
          case 'offer':
            track(all[one.to]!.put.offer(index, { timeoutMs: 20 }));
            track(toAll.put.offer(index, { timeoutMs: 20 }));
            break;
          case 'quit':
          case 'fail':
            all[one.to]![one.do]();
            break;
          case 'end':
            track(stop(routees[one.to % 3]!, { deadlineMs: 30 }));
            break;
          case 'kill':
            track(kill(one.to === 0 ? all[0]! : routees[one.to % 3]!));
            break;
          case 'resize':
            track(resize(pooled, 1 + (one.to % 3)));
            break;
          case 'advance':
            await host.advance(one.ms);
            break;
          default:
            one satisfies never;
        }
      }
      await host.advance(20_000);
      await host.settle();
      expect(settled).toBe(calls);
      const { accepted, refused, handled } = host.host.counters;
      const dead = Object.values(host.deadLetterCounts()).reduce((sum, count) => sum + count, 0);
      expect(accepted + refused).toBe(handled + dead);
      expect(host.host.deadlines.open).toBe(0);
    }),
    { numRuns: 100 },
  );
});
