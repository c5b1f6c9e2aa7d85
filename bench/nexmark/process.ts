/** A part of the work in a process of its own, so that its processor time and its memory are its own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** @param module it takes its task as an argument, and sends its answer. @throws Error where it ends without one */
export async function inProcess<T>(module: 'run-query' | 'check-query', task: object): Promise<T> {
  const child = fork(fileURLToPath(new URL(`./${module}.js`, import.meta.url)), { serialization: 'advanced' });
  let answer: T | undefined;
  child.once('message', (message) => {
    answer = message as T;
  });
  child.send(task);
  const [code] = await once(child, 'exit');
  if (answer === undefined) throw new Error(`${module} ended with ${code} and no answer; see what it printed above`);
  return answer;
}

/** The other end: waits for the task, and sends what `work` makes of it. */
export async function answerTask<T>(work: (task: T) => Promise<object>): Promise<void> {
  const [task] = (await once(process, 'message')) as [T];
  const answer = await work(task);
  await new Promise<void>((resolve, reject) => {
    process.send!(answer, (error: Error | null) => (error === null ? resolve() : reject(error)));
  });
  process.disconnect();
}
