/** What links are compared by: two processes over loopback, the small message, one sender and one receiver. */
export const linkPrograms = [
  {
    name: 'one-way',
    operation: 'a message handled and counted by the other process; the sender heeds what backpressure there is',
    count: 100_000,
    quick: 500,
  },
  {
    name: 'requests',
    operation: 'a request to the other process with its reply; 64 on their way',
    count: 12_800,
    quick: 128,
  },
];
