/** The process that one query is run in. */
import { type Arguments, threadsFor } from './arguments.ts';
import { execute, openSystem } from './execute.ts';
import { answerTask } from './process.ts';

await answerTask(async ({ query, args }: { query: string; args: Arguments }) => {
  await using system = await openSystem(threadsFor(args));
  return await execute(system, query, args);
});
