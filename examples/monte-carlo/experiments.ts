// npm run example:monte-carlo
/** What is estimated by chance, each with the truth that it is checked against. */
import { callPrice, type EuropeanOption } from './black-scholes.ts';
import type { SeededRandom } from './random.ts';

export const experimentNames = ['pi', 'option'] as const;
export type ExperimentName = (typeof experimentNames)[number];

export interface Experiment {
  readonly title: string;
  /** What the closed form says. */
  readonly truth: number;
  /** One sample, whose expectation is the truth. */
  readonly draw: (random: SeededRandom) => number;
}

const option: EuropeanOption = { spot: 100, strike: 105, rate: 0.03, volatility: 0.2, years: 1 };

/** A point of the unit square lies within the quarter circle in pi of four cases. */
function quarterCircle(random: SeededRandom): number {
  const x = random.uniform();
  const y = random.uniform();
  return x * x + y * y < 1 ? 4 : 0;
}

/** What a call is worth today in one future: the share moves as geometric Brownian motion until the option is due. */
function payoffOf({ spot, strike, rate, volatility, years }: EuropeanOption): (random: SeededRandom) => number {
  const drift = (rate - volatility ** 2 / 2) * years;
  const spread = volatility * Math.sqrt(years);
  const discount = Math.exp(-rate * years);
  return (random) => discount * Math.max(0, spot * Math.exp(drift + spread * random.normal()) - strike);
}

export const experiments: { readonly [N in ExperimentName]: Experiment } = {
  pi: { title: 'pi', truth: Math.PI, draw: quarterCircle },
  option: { title: 'European call', truth: callPrice(option), draw: payoffOf(option) },
};
