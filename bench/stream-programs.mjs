/** What streams are compared by: the same operators over the same elements, on one thread of one process. */
export const streamPrograms = [
  {
    name: 'operators',
    operation: 'an element through map, filter and scan to a function; all elements are checked at the end',
    count: 300_000,
    quick: 3_000,
  },
];
