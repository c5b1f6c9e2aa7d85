/**
 * Frames of real conversations, changed at random, against a node in a process of its own: it refuses what it must, by its
 * code, and nobody else notices. `TROUPE_PROOF_RUNS` is a factor on how many, `TROUPE_HOSTILE_SEED` the seed.
 */
import type { Ref } from 'troupe';
import { afterEach, describe, expect, it } from 'vitest';
import type { Random } from '../../src/base/environment/random.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { Kind } from '../../src/runtime/items.ts';
import { encodePlaceDown } from '../../src/transport/node-envelope.ts';
import { proofRuns } from '../support/proof-runs.ts';
import { cellOf, type Items, record } from './conversation.ts';
import type { Target } from './fixtures/actors.ts';
import { HostileLink, ordered } from './hostile-link.ts';
import { GoodLink, LiveNode, type Memory } from './live-node.ts';
import { Mutator } from './mutator.ts';

const frames = proofRuns(20_000);
const seed = Number(process.env.TROUPE_HOSTILE_SEED ?? 1);
/** Links at the same time. */
const lanes = 6;
/** What mutated frames may leave behind in the node's heap, in all. */
const heapGrowthMax = 12_000_000;
/** The process keeps pages that it has needed once: 2.4 times as many on Node 24, with the heap as small as elsewhere. */
const rssRatioMax = 3;
/** What may end a link: the protocol, a limit of the link, something that is not allowed. */
const closeCodes = [4003, 4005, 4006];

/** What is changed, and what it refers to. */
interface Corpus {
  readonly names: readonly (readonly unknown[])[];
  readonly frames: readonly Items[];
  readonly others: readonly Uint8Array[];
  readonly cell: number;
}

/** Frames that one node gets, and actors that these may stop one after the other. */
const framesPerNode = 20_000;
const victimsMax = 16;

let live: LiveNode | undefined;
let good: GoodLink | undefined;
afterEach(async () => {
  await good?.close();
  await live?.end();
});

describe(`${frames} mutated frames of seed ${seed}`, () => {
  it(
    'are refused or handled, and neither the node nor another link takes harm',
    async () => {
      const random = seededRandom(seed);
      const codes = new Map<number, number>();
      const began = performance.now();
      for (let from = 0; from < frames; from += framesPerNode) {
        const figures = await attack(random, from, Math.min(frames, from + framesPerNode), codes);
        if (process.env.TROUPE_PROOF_RUNS !== undefined) console.log(figures);
      }
      const seconds = Math.round(performance.now() - began) / 1_000;
      if (process.env.TROUPE_PROOF_RUNS !== undefined) console.log({ frames, seed, seconds, closed: [...codes] });
      // Frames that all die, or none, would prove nothing.
      const refused = [...codes.values()].reduce((sum, one) => sum + one, 0);
      expect(refused).toBeGreaterThan(frames / 10);
      expect(refused).toBeLessThan(frames * 0.9);
    },
    60_000 + frames * 20,
  );

  /** Sends these frames to a node of their own. */
  async function attack(random: Random, from: number, to: number, codes: Map<number, number>): Promise<object> {
    const node = await LiveNode.start();
    live = node;
    const recording = await record(node);
    const victims: Ref<typeof Target>[] = [];
    for (let n = 0; n < victimsMax; n += 1) victims.push(await recording.spawn());
    const watch = await GoodLink.open(node);
    good = watch;
    let corpus: Corpus;
    await run(from, Math.min(to, from + 500));
    const before = await watch.memory();
    await run(from + 500, to);
    const after = await settledMemory(node, watch, before.heapBytes);
    await recording.close();

    expect(node.isUp).toBe(true);
    watch.expectUndisturbed();
    node.expectNoMistakes();
    expect(after.heapBytes - before.heapBytes).toBeLessThan(heapGrowthMax);
    expect(after.rssBytes / before.rssBytes).toBeLessThan(rssRatioMax);
    await watch.close();
    await node.end();
    return {
      from,
      victimsLeft: victims.length,
      heapGrowth: after.heapBytes - before.heapBytes,
      rssRatio: Math.round((after.rssBytes / before.rssBytes) * 100) / 100,
      logLines: node.log.length,
      ...watch.figures,
    };

    async function run(first: number, end: number): Promise<void> {
      let next = first;
      while (next < end) {
        // Who was spoken to may have been stopped by a frame: a node of the cluster may do that.
        while (!(await victims.at(-1)!.sum.outcome()).ok) victims.pop();
        const cell = cellOf(victims.at(-1)!);
        corpus = { names: recording.names, frames: recording.framesTo(cell), others: recording.others, cell };
        const stopAt = Math.min(end, next + 500);
        const numbers = { next: (): number | undefined => (next < stopAt ? next++ : undefined) };
        await Promise.all(Array.from({ length: lanes }, () => lane(numbers)));
      }
    }

    async function lane(numbers: { next(): number | undefined }): Promise<void> {
      let link: HostileLink | undefined;
      for (let number = numbers.next(); number !== undefined; number = numbers.next()) {
        link ??= await HostileLink.open(node);
        const bytes = await sendMutated(link, number, random.fork(`frame ${number}`), corpus);
        if (link.closed === undefined) continue;
        const { code, text } = link.closed;
        codes.set(code, (codes.get(code) ?? 0) + 1);
        if (!closeCodes.includes(code)) throw new Error(`${code} ${text} after ${described(number, bytes)}`);
        link = undefined;
      }
      link?.close();
    }
  }

  /** In a session of its own, in which everything before was in order. */
  async function sendMutated(link: HostileLink, number: number, random: Random, corpus: Corpus): Promise<Uint8Array> {
    const { names, frames, others, cell } = corpus;
    const mutator = new Mutator(random, frames);
    const source = `s${number.toString(36)}`;
    link.frame(source, ordered(0, ...names));
    let sequence = names.length;
    if (mutator.below(3) === 0) {
      // The node asks something of this link, and gets its answer from the mutator.
      const visit = names.findIndex(([, , label, shape]) => label === 'target.visit' && shape === null);
      const other = [`${link.nodeId}/${source}`, 1, '/target'];
      link.frame(source, ordered(sequence, [Kind.ask, 900, cell, visit, { other }, 200, null]));
      sequence += 1;
    }
    const isOther = mutator.below(20) === 0 && others.length > 0;
    const bytes = isOther
      ? mutator.bytes(mutator.oneOf(others))
      : mutator.envelope(source, ordered(sequence, mutator.oneOf(frames)));
    link.send(bytes);
    await link.answered().catch((error: Error) => {
      throw new Error(`${error.message}, after ${described(number, bytes)}`);
    });
    if (link.closed === undefined) link.send(encodePlaceDown(source));
    return bytes;
  }

  function described(number: number, bytes: Uint8Array): string {
    return `frame ${number} of seed ${seed}: ${Buffer.from(bytes).subarray(0, 2_000).toString('hex')}`;
  }

  /** Memory once calls and streams that were begun are over, the last of them after 5 s. */
  async function settledMemory(node: LiveNode, watch: GoodLink, heapBytes: number): Promise<Memory> {
    for (let attempt = 0; ; attempt += 1) {
      // Places of lost nodes are forgotten when the next is lost.
      (await HostileLink.open(node)).close();
      const memory = await watch.memory();
      if (memory.heapBytes - heapBytes < heapGrowthMax / 2 || attempt === 10) return memory;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }
});
