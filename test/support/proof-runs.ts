/** How many random programs a property test tries: a sample in `npm test`, more where `TROUPE_PROOF_RUNS` names a factor. */

/** @param sample how many without the factor */
export function proofRuns(sample: number): number {
  const factor = Number(process.env.TROUPE_PROOF_RUNS ?? '1');
  if (!(factor > 0)) throw new Error(`TROUPE_PROOF_RUNS is a factor above 0; it was ${process.env.TROUPE_PROOF_RUNS}`);
  return Math.max(1, Math.round(sample * factor));
}

/** A time limit that leaves room for them, in ms. */
export function proofTimeoutMs(sample: number): number {
  return 20_000 + proofRuns(sample) * 40;
}
