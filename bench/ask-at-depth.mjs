/** How a row asks: always so many at a time. */

/** Keeps `depth` asks on their way until `count` have been answered. @returns the highest reply. */
export async function askAtDepth(depth, count, add) {
  let left = count;
  let highest = 0;
  const askOn = async () => {
    while (left > 0) {
      left -= 1;
      const total = await add({ type: 'inc', n: 1, id: 'abc' });
      if (total > highest) highest = total;
    }
  };
  await Promise.all(Array.from({ length: depth }, askOn));
  return highest;
}
