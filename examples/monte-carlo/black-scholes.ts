// npm run example:monte-carlo
/** The closed form for a European option (Black and Scholes, 1973), which needs no chance. */

/** A call: the right to buy one share at a price on a day. */
export interface EuropeanOption {
  /** What the share costs today. */
  readonly spot: number;
  /** What it may be bought for. */
  readonly strike: number;
  /** Of a safe investment, continuously compounded, for a year. */
  readonly rate: number;
  /** The standard deviation of the share's logarithm in a year. */
  readonly volatility: number;
  readonly years: number;
}

export function callPrice({ spot, strike, rate, volatility, years }: EuropeanOption): number {
  const spread = volatility * Math.sqrt(years);
  const d1 = (Math.log(spot / strike) + (rate + volatility ** 2 / 2) * years) / spread;
  return spot * normalBelow(d1) - strike * Math.exp(-rate * years) * normalBelow(d1 - spread);
}

/**
 * The probability that a standard normal number is below `x`, to 15 digits for |x| < 7 or so: the series of Marsaglia,
 * "Evaluating the Normal Distribution" (2004), summed until its terms change nothing.
 */
export function normalBelow(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 3; ; n += 2) {
    term *= (x * x) / n;
    const next = sum + term;
    if (next === sum) break;
    sum = next;
  }
  return 0.5 + sum * Math.exp(-(x * x) / 2) * Math.sqrt(1 / (2 * Math.PI));
}
