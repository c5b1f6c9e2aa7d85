/** The sieve of Eratosthenes as a pipeline: each actor keeps one prime and hands on what it does not divide. */
import { actor, createSystem, protocol, stop, tell } from 'troupe';
import * as z from 'zod';
import { Finish } from '../finish.mjs';
import { checkLedger, checkTotal } from '../measure.mjs';
import { primesAmong } from '../problems.mjs';

const finish = new Finish();
const pass = { primes: 0 };

const Filter = protocol('bench-filter', {
  number: tell(z.object({ type: z.literal('number'), n: z.number(), id: z.string() })),
  last: tell(z.object({ primes: z.number() })),
});

const filter = actor(
  Filter,
  { args: z.object({}), state: () => ({ prime: undefined, next: undefined }) },
  {
    number: (state, message, context) => {
      if (state.prime === undefined) state.prime = message.n;
      else if (message.n % state.prime !== 0) {
        state.next ??= context.spawn(filter);
        state.next.number(message);
      }
    },
    last: (state, { primes }) => {
      if (state.next !== undefined) state.next.last({ primes: primes + 1 });
      else {
        pass.primes = primes + 1;
        finish.over();
      }
    },
  },
);

export async function open({ isolation }) {
  const system = await createSystem({ isolation });
  let first;
  return {
    async pass(count) {
      const over = finish.next();
      first = await system.spawn(filter);
      for (let number = 2; number < count + 2; number += 1) first.number({ type: 'number', n: number, id: 'abc' });
      first.last({ primes: 0 });
      await over;
      checkTotal('primes', pass.primes, primesAmong(count));
    },
    clear: () => stop(first),
    async close() {
      checkLedger(system);
      await system.shutdown();
    },
  };
}
