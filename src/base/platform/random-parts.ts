/** What both generators of the chance seam make out of uniform 32-bit integers. */

const idAlphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** 36^12 names are 62 bits: among a million ids, any two are the same with a chance of 1 in 9 million. */
const idCharacters = 12;

/** A uniform number in [0, 1) with all 53 bits that a double can hold. */
export function fractionFrom(u32: () => number): number {
  // 27 and 26 bits, as in Matsumoto and Nishimura's genrand_res53.
  return ((u32() >>> 5) * 2 ** 26 + (u32() >>> 6)) / 2 ** 53;
}

/** A name of 12 characters from `a` to `z` and `0` to `9`: safe in paths, file names and URLs. */
export function idFrom(u32: () => number): string {
  let id = '';
  for (let count = 0; count < idCharacters; count++) id += idAlphabet[Math.floor((u32() / 2 ** 32) * 36)];
  return id;
}
