/**
 * Call cycles and deadlocks in random systems of actors, against an oracle that knows who truly waits for whom.
 *
 * Actors follow scripts: they ask, offer, tell, read streams and wait, with the refs of their messages. Every call that is
 * Rejected(cycle) would truly never have settled, and in no quiet moment does anything wait for ever.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { closureActor } from '../../src/actors/actor.ts';
import type { Cell } from '../../src/actors/cell.ts';
import { targetOf } from '../../src/actors/ref.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { ask, protocol, type Ref, refTo, stream, tell } from '../../src/index.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof-runs.ts';
import { testHost } from '../support/test-host.ts';
import { Call, type Op, WaitModel } from '../support/wait-model.ts';

type AskOp = 'work' | 'peek' | 'pair' | 'single';
interface Ask {
  readonly do: 'ask';
  readonly to: number;
  readonly op: AskOp;
  readonly script: Script;
}
type Step =
  | Ask
  /** Several asks at once. */
  | { readonly do: 'all'; readonly asks: readonly Ask[] }
  /** An ask that nobody waits for, by a handler that ends at once. */
  | { readonly do: 'forget'; readonly ask: Ask }
  | { readonly do: 'offer' | 'tell'; readonly to: number; readonly script: Script }
  | { readonly do: 'read'; readonly to: number; readonly items: readonly Script[]; readonly pauseMs: number }
  | { readonly do: 'wait'; readonly ms: number };
type Script = readonly Step[];

interface NodeRef extends Ref<typeof Node> {}
const Work = z.object({ id: z.int(), peers: z.array(refTo<NodeRef>('node')) });
const Node = protocol('node', {
  work: ask({ input: Work, output: z.void() }),
  peek: ask({ input: Work, output: z.void(), readonly: true }),
  pair: ask({ input: Work, output: z.void(), concurrent: 2 }),
  single: ask({ input: Work, output: z.void(), concurrent: 1 }),
  note: tell(Work),
  feed: stream({ input: Work, output: z.int() }),
});
interface PlainRef extends Ref<typeof Plain> {}
const PlainWork = z.object({ id: z.int(), peers: z.array(refTo<PlainRef>('plain')) });
const Plain = protocol('plain', { work: ask({ input: PlainWork, output: z.void() }), note: tell(PlainWork) });

const actorsMax = 4;
const highWater = 2;
/** Longer than any script waits, shorter than the deadline of an ask. */
const patienceMs = 4_000;

const target = fc.nat({ max: actorsMax - 1 });
function askStep(ops: readonly AskOp[], depth: number): fc.Arbitrary<Ask> {
  return fc.record({
    do: fc.constant('ask' as const),
    to: target,
    op: fc.constantFrom(...ops),
    script: script(ops, depth - 1),
  });
}
function script(ops: readonly AskOp[], depth: number): fc.Arbitrary<Script> {
  if (depth === 0) return fc.constant([]);
  const one = askStep(ops, depth);
  const below = script(ops, depth - 1);
  const steps: fc.Arbitrary<Step>[] = [
    one,
    one,
    fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 1, 5) }),
    fc.record({ do: fc.constant('all' as const), asks: fc.array(one, { minLength: 2, maxLength: 3 }) }),
    fc.record({
      // Others' messages overtake an offer that waits, so where some begin at once there is no telling when it is let in.
      do: ops.length > 1 ? fc.constant('tell' as const) : fc.constantFrom('offer' as const, 'tell' as const),
      to: target,
      script: below,
    }),
  ];
  if (ops.length > 1) {
    steps.push(
      fc.record({
        do: fc.constant('read' as const),
        to: target,
        items: fc.array(below, { minLength: 1, maxLength: 2 }),
        pauseMs: fc.constantFrom(0, 3),
      }),
    );
  }
  return fc.oneof(
    { weight: 6, arbitrary: fc.array(fc.oneof(...steps), { minLength: 1, maxLength: 3 }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), ask: one }).map((step): Script => [step]) },
  );
}

interface Program {
  readonly roots: readonly Ask[];
  readonly reentrant: readonly boolean[];
  readonly seed: number;
  readonly slice: number;
}
function program(ops: readonly AskOp[]): fc.Arbitrary<Program> {
  return fc.record({
    roots: fc.array(askStep(ops, 4), { minLength: 1, maxLength: 4 }),
    reentrant: fc.array(fc.constantFrom(false, false, true), { minLength: actorsMax, maxLength: actorsMax }),
    seed: fc.nat(),
    slice: fc.constantFrom(1, 2, 100),
  });
}

interface Context {
  delay(ms: number): Promise<void>;
}
interface Outcome {
  readonly rejected: number;
  readonly calls: number;
}

/** Runs a program and holds it against the oracle. */
async function hold(
  { roots, reentrant, seed, slice }: Program,
  isPlain: boolean,
  refs: 'message' | 'state',
): Promise<Outcome> {
  const host = testHost({ seed, scheduler: { random: seededRandom(seed), messagesPerSlice: slice } });
  const model = new WaitModel(highWater);
  const scripts = new Map<number, { call: Call; script: Script; items?: readonly Script[] }>();
  const violations: string[] = [];
  let rejected = 0;
  let ids = 0;
  let stray = 0;

  const announce = (to: number, op: Op, caller: Call | undefined, own: Script, items?: readonly Script[]) => {
    const call = new Call(to, op, caller);
    ids += 1;
    scripts.set(ids, { call, script: own, ...(items === undefined ? {} : { items }) });
    return { call, id: ids };
  };
  /** What was given up in a queue has left it by now. */
  const buryTheDead = (): void => {
    for (const { message } of host.deadLetters.splice(0))
      model.remove(scripts.get((message as { id: number }).id)!.call);
  };
  const admittedTo = (cell: Cell): number =>
    [...cell.waitingEnvelopes()].filter(({ request }) => request?.isAdmitted).length;
  const isCycle = (error: unknown): boolean =>
    (error as { code?: string; reason?: string }).code === 'Rejected' &&
    (error as { reason?: string }).reason === 'cycle';

  /** Sends a call and sees where the mailbox has put it: at its place in the queue, before others, or nowhere. */
  const placed = (call: Call, send: () => Promise<unknown>): Promise<unknown> => {
    const cell = targetOf(kept[call.target]) as Cell;
    const before = cell.queued + cell.extension.offers.size;
    const admitted = admittedTo(cell);
    const sent = send();
    // A stream is there until the dead letters say otherwise.
    if (call.op !== 'feed' && cell.queued + cell.extension.offers.size === before) model.remove(call);
    else call.admitted = admittedTo(cell) > admitted;
    return sent;
  };

  /** Sends a call for `caller` and waits for it; sees to it that a refusal is a true one. */
  const wait = async (caller: Call, call: Call, send: () => Promise<unknown>): Promise<void> => {
    buryTheDead();
    for (const [index, ref] of kept.entries()) model.letIn(index, (targetOf(ref) as Cell).extension.offers.size);
    const isTrue = caller.state !== 'open' || model.wouldNeverSettle(call, caller);
    if (call.op !== 'feed') model.add(call);
    caller.waitsFor.add(call);
    try {
      await placed(call, send);
    } catch (error) {
      if (!isCycle(error)) violations.push(`${call.op} to ${call.target}: ${String(error)}`);
      else {
        rejected += 1;
        if (!isTrue) violations.push(`${call.op} to ${call.target} was refused, but would have settled`);
      }
      if (call.op !== 'feed') model.remove(call);
      if (call.op === 'feed') throw error;
    } finally {
      caller.waitsFor.delete(call);
    }
  };

  const perform = async (caller: Call, step: Step, peers: readonly NodeRef[], context: Context): Promise<void> => {
    switch (step.do) {
      case 'wait':
        return context.delay(step.ms);
      case 'ask': {
        const { call, id } = announce(step.to, step.op, caller, step.script);
        return wait(caller, call, () => peers[step.to]![step.op]({ id, peers: [...peers] }));
      }
      case 'all':
        await Promise.all(step.asks.map((one) => perform(caller, one, peers, context)));
        return;
      case 'offer': {
        const { call, id } = announce(step.to, 'note', caller, step.script);
        call.state = 'offered';
        return wait(caller, call, async () => {
          await peers[step.to]!.note.offer({ id, peers: [...peers] });
          if (call.state === 'offered') call.state = 'queued';
        });
      }
      case 'tell': {
        const { call, id } = announce(step.to, 'note', undefined, step.script);
        model.add(call);
        peers[step.to]!.note({ id, peers: [...peers] });
        return;
      }
      case 'forget':
        throw new Error('only a handler that ends at once forgets');
      case 'read': {
        const { call, id } = announce(step.to, 'feed', caller, [], step.items);
        const reader = peers[step.to]!.feed({ id, peers: [...peers] })[Symbol.asyncIterator]();
        let opened = false;
        try {
          for (let done = false; !done; ) {
            await wait(caller, call, async () => {
              const next = reader.next();
              if (!opened) model.add(call);
              opened = true;
              const result = await next;
              caller.waitsFor.delete(call);
              done = result.done === true;
              if (!done) call.ahead -= 1;
            });
            if (!done) await context.delay(step.pauseMs);
          }
          model.remove(call);
        } catch {
          // Told already; and where it had not begun, it is in the queue until the dead letters have it.
          if (call.state === 'queued') call.dead = true;
          else model.remove(call);
        }
        return;
      }
      default:
        step satisfies never;
    }
  };

  const handle = (id: number, peers: readonly NodeRef[], context: Context): undefined | Promise<void> => {
    const { call, script: steps } = scripts.get(id)!;
    if (call.state === 'over') violations.push(`${call.op} at ${call.target} began though it was over`);
    call.state = 'open';
    const [first] = steps;
    if (first?.do === 'forget') {
      const next = announce(first.ask.to, first.ask.op, undefined, first.ask.script);
      model.add(next.call);
      stray += 1;
      placed(next.call, () => peers[first.ask.to]![first.ask.op]({ id: next.id, peers: [...peers] })).then(
        () => {
          stray -= 1;
        },
        (error: unknown) => {
          stray -= 1;
          // Its sender, who has not ended yet, may be what it comes to.
          if (!isCycle(error)) violations.push(`forgotten: ${String(error)}`);
          model.remove(next.call);
        },
      );
      model.remove(call);
      return undefined;
    }
    return (async () => {
      for (const step of steps) await perform(call, step, peers, context);
      model.remove(call);
    })();
  };

  async function* feed(id: number, peers: readonly NodeRef[], context: Context): AsyncGenerator<number> {
    const { call, items } = scripts.get(id)!;
    call.state = call.state === 'over' ? 'over' : 'open';
    for (const [n, steps] of items!.entries()) {
      call.producing = true;
      for (const step of steps) if (step.do !== 'forget') await perform(call, step, peers, context);
      call.producing = false;
      call.ahead += 1;
      yield n;
    }
    // The end is something to read as well.
    call.ahead += 1;
  }

  const kept: NodeRef[] = [];
  const peersOf = (peers: readonly NodeRef[], index: number): readonly NodeRef[] =>
    refs === 'message' ? peers : (keptBy[index] ?? peers);
  const keptBy: NodeRef[][] = [];
  const mailbox = { highWater, capacity: 1_000 };
  for (let index = 0; index < actorsMax; index += 1) {
    const options = { mailbox, callChainReentrancy: reentrant[index]! };
    if (isPlain) {
      const setup = () => ({
        work: ({ id, peers }: { id: number; peers: PlainRef[] }, context: Context) =>
          handle(id, peersOf(peers as unknown as NodeRef[], index), context),
        note: ({ id, peers }: { id: number; peers: PlainRef[] }, context: Context) =>
          handle(id, peersOf(peers as unknown as NodeRef[], index), context),
      });
      kept.push((await host.spawn(closureActor(Plain, z.object({}), setup, { mailbox }))) as unknown as NodeRef);
      continue;
    }
    kept.push(
      await host.spawn(
        closureActor(
          Node,
          z.object({}),
          () => {
            const run = ({ id, peers }: { id: number; peers: NodeRef[] }, context: Context) => {
              if (id === 0) {
                keptBy[index] = peers;
                return undefined;
              }
              return handle(id, peersOf(peers, index), context);
            };
            return {
              work: run,
              peek: run,
              pair: run,
              single: run,
              note: run,
              feed: ({ id, peers }, context) => feed(id, peersOf(peers, index), context),
            };
          },
          options,
        ),
      ),
    );
  }

  if (refs === 'state') for (const ref of kept) ref.note({ id: 0, peers: kept });
  await host.settle();
  const results = roots.map((root) => {
    const { call, id } = announce(root.to, root.op, undefined, root.script);
    model.add(call);
    return kept[root.to]![root.op]({ id, peers: kept }).catch((error: unknown) => {
      violations.push(`root: ${String(error)}`);
    });
  });
  for (let passedMs = 0; passedMs < patienceMs; passedMs += 20) {
    await host.advance(20);
    buryTheDead();
    if (refs === 'message') {
      for (const call of model.stuck()) violations.push(`${call.op} at ${call.target} is stuck (${call.state})`);
    }
    if (violations.length > 0 || model.calls.length === 0) break;
  }
  if (refs === 'message') {
    for (const call of model.calls)
      violations.push(`${call.op} at ${call.target} is ${call.state} after ${patienceMs} ms`);
  }
  expect(violations).toEqual([]);
  if (refs === 'message') {
    await Promise.all(results);
    await host.settle();
    expect(stray).toBe(0);
    expect(host.host.deadlines.open).toBe(0);
  }
  return { rejected, calls: ids };
}

/** Holds so many programs, and tells how many calls they made and how many were refused. */
async function holdAll(runs: number, ops: readonly AskOp[], refs: 'message' | 'state'): Promise<Outcome> {
  let rejected = 0;
  let calls = 0;
  await fc.assert(
    fc.asyncProperty(program(ops), async (one) => {
      const outcome = await hold(one, ops.length === 1, refs);
      rejected += outcome.rejected;
      calls += outcome.calls;
    }),
    { numRuns: runs },
  );
  return { rejected, calls };
}

test(
  'of exclusive operations: a call is refused exactly when it would wait for ever, in 400 random systems',
  async () => {
    const { rejected } = await holdAll(proofRuns(400), ['work'], 'message');
    expect(rejected).toBeGreaterThan(proofRuns(400) / 10);
  },
  proofTimeoutMs(400),
);

test(
  'with interleaving operations, streams and reentrant actors: the same, in 600 random systems',
  async () => {
    const { rejected } = await holdAll(proofRuns(600), ['work', 'work', 'peek', 'pair', 'single'], 'message');
    expect(rejected).toBeGreaterThan(proofRuns(600) / 10);
  },
  proofTimeoutMs(600),
);

test(
  'with refs kept in the state: no call is refused that would have settled, in 300 random systems',
  async () => {
    await holdAll(proofRuns(300), ['work', 'work', 'peek', 'pair', 'single'], 'state');
  },
  proofTimeoutMs(300),
);
