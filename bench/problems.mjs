/** What the programs of the peers compute beside their messages, so that all compute the same. */

/** The small message, made anew for each send. */
export const inc = () => ({ type: 'inc', n: 1, id: 'abc' });

/** Numbers that look random and are the same for everybody. @returns the next after `seed`. */
export const nextSeed = (seed) => (seed * 1103 + 12345) & 0xffff;

const colours = ['blue', 'red', 'yellow'];

/** The colour of creature `index` before its first meeting. */
export const colourOf = (index) => colours[index % 3];

/** The colour of a creature after it met another: its own if both have the same, else the third. */
export const complement = (one, other) =>
  one === other ? one : colours.find((colour) => colour !== one && colour !== other);

/** The leaves of a tree with `count` actors in all, each of them a leaf or with ten children. */
export function leavesOf(count) {
  let leaves = 1;
  for (let all = 1; all < count; all += leaves) leaves *= 10;
  return leaves;
}

/** 0 + 1 + … + (n − 1). */
export const sumBelow = (n) => (n * (n - 1)) / 2;

/** How many primes there are among the first `count` numbers from 2 on. */
export function primesAmong(count) {
  let primes = 0;
  for (let number = 2; number < count + 2; number += 1) {
    let divisor = 2;
    while (divisor * divisor <= number && number % divisor !== 0) divisor += 1;
    if (divisor * divisor > number) primes += 1;
  }
  return primes;
}
