/** Stash, become and restarts against a small reference actor, in random programs of messages, failures and cancels. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, tell } from '../../src/actors/protocol.ts';
import { stop } from '../../src/actors/verbs.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { ended } from '../support/deferred.ts';
import { testHost } from '../support/test-host.ts';

const stashMax = 3;
const behaviors = ['closed', 'counting'] as const;
type Name = (typeof behaviors)[number];

const Subject = protocol('subject', {
  put: tell(z.int()),
  get: ask({ input: z.int(), output: z.int() }),
  become: tell(z.enum(behaviors)),
  unbecome: tell(),
  unstash: tell(),
  fail: tell(),
});

type Message =
  | { readonly do: 'put' | 'get'; readonly n: number }
  | { readonly do: 'become'; readonly name: Name }
  | { readonly do: 'unbecome' | 'unstash' | 'fail' };
type Step = Message | { readonly do: 'settle' } | { readonly do: 'cancel'; readonly which: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('put' as const, 'get' as const), n: fc.nat({ max: 999 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('become' as const), name: fc.constantFrom(...behaviors) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('unbecome' as const, 'unstash' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat() }) },
);

/** What the actor does, as simply as it can be said. */
class Reference {
  readonly handled: string[] = [];
  readonly dead: string[] = [];
  readonly cancelled = new Set<number>();
  stash: Message[] = [];
  #queue: Message[] = [];
  #stack: Name[] = [];

  send(message: Message): void {
    this.#queue.push(message);
  }

  settle(): void {
    for (let message = this.#queue.shift(); message !== undefined; message = this.#queue.shift()) this.#handle(message);
  }

  /** Whether a call of that number waits still. */
  waits(n: number): boolean {
    return this.stash.some((message) => message.do === 'get' && message.n === n);
  }

  #handle(message: Message): void {
    if (message.do === 'get' && this.cancelled.has(message.n)) this.dead.push('expired');
    else if (message.do === 'fail') this.#fails();
    else if ('n' in message) {
      if (this.#stack.at(-1) !== 'closed') this.#handled(`${this.#stack.at(-1) ?? 'base'} ${message.do} ${message.n}`);
      else this.#setAside(message);
    } else {
      if (message.do === 'become') this.#stack.push(message.name);
      if (message.do === 'unbecome') this.#stack.pop();
      if (message.do === 'unstash') this.#back();
      this.#handled(message.do);
    }
  }

  #handled(what: string): void {
    this.handled.push(what);
  }

  #setAside(message: Message): void {
    if (this.stash.length >= stashMax) {
      const isDead = (one: Message): boolean => one.do === 'get' && this.cancelled.has(one.n);
      for (const _dead of this.stash.filter(isDead)) this.dead.push('expired');
      this.stash = this.stash.filter((one) => !isDead(one));
    }
    if (this.stash.length >= stashMax) this.#fails();
    else this.stash.push(message);
  }

  #fails(): void {
    this.dead.push('poison');
    this.#stack = [];
    this.#back();
  }

  #back(): void {
    this.#queue = [...this.stash, ...this.#queue];
    this.stash = [];
  }
}

test('an actor that becomes, stashes and restarts handles what the reference handles, in 300 random programs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(), fc.boolean(), async (program, seed, asynchronous) => {
      const host = testHost({ seed, scheduler: { random: seededRandom(seed), messagesPerSlice: 1 + (seed % 4) } });
      const handled: string[] = [];
      const note = (what: string): void => void handled.push(what);
      const pause = async (): Promise<void> => {
        if (asynchronous) await undefined;
      };
      const ref = await host.spawn(
        actor(
          Subject,
          {
            args: z.object({}),
            state: () => ({}),
            behaviors,
            mailbox: { stash: stashMax },
            supervise: { restartsMax: 1_000 },
          },
          {
            put: async (_state, n) => note(`base put ${n}`),
            get: async (_state, n) => {
              await pause();
              note(`base get ${n}`);
              return n;
            },
            become: (_state, name, context) => {
              context.become(name);
              note('become');
            },
            unbecome: (_state, _message, context) => {
              context.unbecome();
              note('unbecome');
            },
            unstash: (_state, _message, context) => {
              context.unstash();
              note('unstash');
            },
            fail: async () => {
              await pause();
              throw new Error('broken');
            },
          },
          {
            closed: {
              put: (_state, _n, context) => context.stash(),
              get: async (_state, _n, context) => {
                await pause();
                return context.stash();
              },
            },
            counting: {
              put: (_state, n) => note(`counting put ${n}`),
              get: (_state, n) => {
                note(`counting get ${n}`);
                return n;
              },
            },
          },
        ),
      );
      const reference = new Reference();
      const calls: { n: number; controller: AbortController; outcome: Promise<unknown> }[] = [];
      let sent = 0;
      const check = async (): Promise<void> => {
        await host.settle();
        reference.settle();
        expect(handled).toEqual(reference.handled);
        expect(host.deadLetters.map((letter) => letter.reason)).toEqual(reference.dead);
        expect(host.stashed(ref)).toBe(reference.stash.length);
        expect(host.queued(ref)).toBe(0);
        expect(host.host.counters).toMatchObject({ accepted: sent, refused: 0, handled: handled.length });
        expect(sent).toBe(handled.length + reference.dead.length + reference.stash.length);
      };
      for (const [index, one] of program.entries()) {
        if (one.do === 'settle') {
          await check();
          continue;
        }
        if (one.do === 'cancel') {
          await check();
          const waiting = calls.filter(({ n }) => reference.waits(n) && !reference.cancelled.has(n));
          const chosen = waiting[one.which % Math.max(1, waiting.length)];
          if (chosen === undefined) continue;
          reference.cancelled.add(chosen.n);
          chosen.controller.abort();
          expect(await chosen.outcome).toMatchObject({ error: { code: 'Cancelled', delivered: false } });
          continue;
        }
        // Every call has a number of its own.
        const message = 'n' in one ? { ...one, n: index } : one;
        sent += 1;
        reference.send(message);
        switch (message.do) {
          case 'put':
            ref.put(message.n);
            break;
          case 'get': {
            const controller = new AbortController();
            calls.push({ n: message.n, controller, outcome: ended(ref.get(message.n, { signal: controller.signal })) });
            break;
          }
          case 'become':
            ref.become(message.name);
            break;
          case 'unbecome':
            ref.unbecome();
            break;
          case 'unstash':
            ref.unstash();
            break;
          case 'fail':
            ref.fail();
            break;
          default:
            message satisfies never;
        }
      }
      await check();
      await stop(ref);
      await host.settle();
      await Promise.all(calls.map((call) => call.outcome));
      expect(host.host.counters.accepted).toBe(handled.length + host.deadLetters.length);
      expect(host.host.deadlines.open).toBe(0);
    }),
    { numRuns: 300 },
  );
});
