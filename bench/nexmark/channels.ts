/** Where bids come from: half of them through one of four channels, the others through one of 10,000. */
import type { Draws } from './draws.ts';
import type { Texts } from './texts.ts';

export interface Channel {
  readonly name: string;
  readonly url: string;
}

const coldCount = 10_000;

export class Channels {
  readonly #hot: readonly Channel[];
  readonly #cold: readonly Channel[];

  constructor(draws: Draws, texts: Texts) {
    const baseUrl = (): string =>
      `https://www.nexmark.com/${texts.words(5)}/${texts.words(5)}/${texts.words(5)}/item.htm?query=1`;
    this.#hot = ['Google', 'Facebook', 'Baidu', 'Apple'].map((name, number) => {
      draws.of(number);
      return { name, url: baseUrl() };
    });
    this.#cold = Array.from({ length: coldCount }, (_, number) => {
      draws.of(4 + number);
      const url = baseUrl();
      return { name: `channel-${number}`, url: draws.below(10) > 0 ? `${url}&channel_id=${reversed(number)}` : url };
    });
  }

  of(draws: Draws): Channel {
    return draws.below(2) > 0 ? this.#hot[draws.below(this.#hot.length)]! : this.#cold[draws.below(coldCount)]!;
  }
}

/** The bits of a number in reverse, as `Math.abs(Integer.reverse(number))` in Java, which has no 2^31 and gives its negative. */
function reversed(number: number): number {
  let bits = 0;
  for (let bit = 0; bit < 32; bit += 1) bits = (bits << 1) | ((number >>> bit) & 1);
  return Math.abs(bits) | 0;
}
