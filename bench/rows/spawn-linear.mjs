/** Spawning is linear: the cost of an actor and its first message among 10^6 over that among 10^4. */
import { open } from '../local/spawn.mjs';
import { inTurns } from '../measure.mjs';

/** Rounds of 10^6 actors take seconds each, and their noise is small. */
const roundsMax = 3;

export async function run({ rounds, quick, isolation }) {
  const unit = quick ? 1 : 1_000;
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
    {
      '10^3': () => nsOf(unit, 100),
      '10^4': () => nsOf(10 * unit, 10),
      '10^5': () => nsOf(100 * unit, 1),
      '10^6': () => nsOf(1_000 * unit, 1),
    },
    1,
  );
  await program.close();
  return { ratio: ratio('10^6', '10^4'), isolation, ns: cost };
}
