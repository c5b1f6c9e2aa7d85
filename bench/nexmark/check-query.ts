/** The process in which a query's SQL is run. */
import type { Arguments } from './arguments.ts';
import type { Execution } from './execute.ts';
import { verdictOn } from './oracle.ts';
import { answerTask } from './process.ts';
import { queries } from './queries.ts';

await answerTask(({ query, args, ran }: { query: string; args: Arguments; ran: Execution }) =>
  verdictOn(queries[query]!, args, ran),
);
