/**
 * How much an element takes of a frame, about: what closes a frame before the wire would refuse it.
 *
 * Every element is weighed, since a few large ones among many small ones would pass any sample. Keys count too: between
 * nodes each object carries its own.
 */

/** What a number or a flag weighs: 65,536 of these are the most values of a frame, of 100,000 that the wire admits. */
const valueWeight = 16;
/** Deeper values are refused by the wire anyway, and a cycle ends here. */
const depthMax = 32;

/** About the bytes of `value`, but `valueWeight` at least for each value in it. Counting ends soon above `weightMax`. */
export function elementWeight(value: unknown, weightMax: number): number {
  return weigh(value, weightMax, 0);
}

function weigh(value: unknown, weightMax: number, depth: number): number {
  if (typeof value === 'string') return valueWeight + value.length;
  if (typeof value !== 'object' || value === null || depth > depthMax) return valueWeight;
  if (ArrayBuffer.isView(value)) return valueWeight + value.byteLength;
  let weight = valueWeight;
  if (Array.isArray(value) || value instanceof Set) {
    for (const item of value) {
      weight += weigh(item, weightMax - weight, depth + 1);
      if (weight > weightMax) break;
    }
  } else if (value instanceof Map) {
    for (const [key, item] of value) {
      weight += weigh(key, weightMax - weight, depth + 1) + weigh(item, weightMax - weight, depth + 1);
      if (weight > weightMax) break;
    }
  } else {
    for (const key in value) {
      weight +=
        valueWeight + key.length + weigh((value as Record<string, unknown>)[key], weightMax - weight, depth + 1);
      if (weight > weightMax) break;
    }
  }
  return weight;
}
