/** Spawning is linear: the cost of an actor and its first message among 10^6 over that among 10^4. */
import { open } from '../local/spawn.mjs';
import { inTurns } from '../measure.mjs';

/** Rounds of 10^6 actors take seconds each, and their noise is small. */
const roundsMax = 3;

export async function run({ rounds, quick, isolation }) {
  const [few, many] = quick ? [100, 1_000] : [10_000, 1_000_000];
  const program = await open({ isolation });
  /** @returns ns for each of `count` actors alive at once, without their end; the mean of some passes. */
  const nsOf = async (count, passes) => {
    let ns = 0;
    for (let pass = 0; pass < passes; pass += 1) {
      const began = process.hrtime.bigint();
      await program.pass(count);
      ns += Number(process.hrtime.bigint() - began);
      await program.clear();
    }
    return ns / (count * passes);
  };
  const { cost, ratio } = await inTurns(
    Math.min(rounds, roundsMax),
    { tenThousands: () => nsOf(few, 20), million: () => nsOf(many, 1) },
    1,
  );
  await program.close();
  return { ratio: ratio('million', 'tenThousands'), isolation, ns: cost };
}
