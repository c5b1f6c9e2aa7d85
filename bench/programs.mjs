/**
 * The Savina-style programs, and what one operation of each is: the same for us and for every peer.
 *
 * `count` is the operations of one pass, `quick` those of a pass that only shows that the program runs. A round repeats
 * passes until it took long enough to be measured. `six` marks the programs of the geometric mean.
 *
 * The suite is from S. Imam and V. Sarkar, "Savina – An Actor Benchmark Suite", AGERE! 2014; skynet is from
 * github.com/atemerev/skynet.
 */
export const programs = [
  {
    name: 'ping-pong',
    operation: 'a message handled; two actors, one message on its way',
    count: 10_000,
    quick: 100,
    six: true,
  },
  {
    name: 'counting',
    operation: 'a message counted by one actor; code outside tells 1,000, then asks for the total',
    count: 20_000,
    quick: 2_000,
    six: true,
  },
  {
    name: 'fan-in',
    operation: 'a message counted by one actor; 10 actors tell it, 100 in each of their turns',
    count: 20_000,
    quick: 2_000,
    six: true,
  },
  {
    name: 'thread-ring',
    operation: 'a hop of the one message around 503 actors',
    count: 10_060,
    quick: 1_006,
    six: true,
  },
  {
    name: 'ask',
    operation: 'a request with its reply and a deadline; the next follows when the reply is there',
    count: 5_000,
    quick: 100,
    six: true,
  },
  {
    name: 'spawn',
    operation: 'an actor started and its first message handled; all of a pass live at once and end untimed',
    count: 10_000,
    quick: 100,
    six: true,
  },
  {
    name: 'fork-join-create',
    operation: 'a child started, told to work, its report to the parent handled, its end begun',
    count: 10_000,
    quick: 100,
  },
  {
    name: 'bounded-buffer',
    operation: 'an item consumed; 8 producers, each waits until a buffer of 4 has taken its item',
    count: 8_000,
    quick: 80,
  },
  {
    name: 'big',
    operation: 'a ping to one of 100 actors, chosen anew each time, and its pong; 100 on their way',
    count: 10_000,
    quick: 200,
  },
  {
    name: 'chameneos',
    operation: 'a meeting of two of 100 creatures, arranged by one broker',
    count: 5_000,
    quick: 100,
  },
  {
    name: 'skynet',
    operation: 'an actor of a tree of 11,111, each with ten children down to 10,000 leaves, whose numbers are summed',
    count: 11_111,
    quick: 111,
  },
  {
    name: 'sieve',
    operation: 'a number below 2,000 fed into a pipeline of one actor a prime',
    count: 1_998,
    quick: 98,
  },
];
