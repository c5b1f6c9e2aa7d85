// npm run example:monte-carlo
/** What an estimate comes to beside the truth. */
import { TroupeError } from 'troupe';
import type { Experiment } from './experiments.ts';
import { type Moments, standardErrorOf } from './moments.ts';

/** By chance alone, one seed in 1.7 million is further off than this. */
export const standardErrorsMax = 5;

export interface Verdict {
  readonly line: string;
  /** How far the estimate is from the truth. */
  readonly standardErrors: number;
}

export function verdictOf({ title, truth }: Experiment, moments: Moments): Verdict {
  const standardError = standardErrorOf(moments);
  const standardErrors = Math.abs(moments.mean - truth) / standardError;
  const numbers = [`${moments.mean.toFixed(6)} ± ${standardError.toFixed(6)}`, `closed form ${truth.toFixed(6)}`];
  const line = [title.padEnd(13), ...numbers, `${standardErrors.toFixed(2)} standard errors off`].join('  ');
  return { line, standardErrors };
}

/** @throws TroupeError `EstimateOff` where one of them is further off than chance explains. */
export function checkAll(verdicts: readonly Verdict[]): void {
  // What is no number at all fails too.
  const off = verdicts.filter(({ standardErrors }) => !(standardErrors <= standardErrorsMax));
  if (off.length === 0) return;
  const lines = off.map(({ line }) => line.trim()).join('; ');
  throw new TroupeError('EstimateOff', `more than ${standardErrorsMax} standard errors from the truth: ${lines}`);
}
