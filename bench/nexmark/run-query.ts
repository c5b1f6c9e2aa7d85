/** The process that one query is run in. */
import type { Arguments } from './arguments.ts';
import { execute } from './execute.ts';
import { answerTask } from './process.ts';

await answerTask(({ query, args }: { query: string; args: Arguments }) => execute(query, args));
