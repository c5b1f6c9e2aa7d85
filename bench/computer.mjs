/** An actor that computes, for one on each core; the default export is the registry for other places. */
import { actor, ask, protocol, registry } from 'troupe';
import * as z from 'zod';
import { fib } from './fib.mjs';

export const Computer = protocol('bench-computer', { fib: ask({ input: z.object({ n: z.int() }), output: z.int() }) });

export const computer = actor(Computer, { args: z.object({}), state: () => ({}) }, { fib: (_state, { n }) => fib(n) });

export default registry(computer);
