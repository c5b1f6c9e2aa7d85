/**
 * Tells zod's own string normalizations from other overwrites.
 *
 * `trim`, `toLowerCase`, `toUpperCase` and `normalize` are functions like any other in zod's definition, and a bundler
 * may have rewritten their text. So they are known by what they do to strings on which all of them differ.
 */

const samples: readonly string[] = [
  '\t \u0130stanbul Stra\u00dfe A\u030a\u00e9 \ufb01 \u2126 ',
  ' z\u0301Z \u01c4\u2003',
];

const normalizations: readonly ((text: string) => string)[] = [
  (text) => text.trim(),
  (text) => text.toLowerCase(),
  (text) => text.toUpperCase(),
  (text) => text.normalize('NFC'),
  (text) => text.normalize('NFD'),
  (text) => text.normalize('NFKC'),
  (text) => text.normalize('NFKD'),
];

export function isNormalization(overwrite: (value: unknown) => unknown): boolean {
  try {
    const made = samples.map(overwrite);
    return normalizations.some((normalize) => samples.every((sample, index) => normalize(sample) === made[index]));
  } catch {
    return false;
  }
}
