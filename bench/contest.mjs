/**
 * Lets contestants run the same program in turns: each in a process of its own that lives as long as the contest, a
 * round of each after the other, so that noise on a shared machine hits all. The process takes its own time.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { median, rounded } from './measure.mjs';

/** A round of a slow peer takes a few passes of it; what takes longer hangs. */
const roundMsMax = 120_000;

/**
 * @param program one of `programs` or `linkPrograms`.
 * @param contestants those that can run.
 * @param rounds rounds that count, after the warm-up.
 * @param warmUps rounds before them, as many as the slowest compiler of a contestant needs.
 * @param quick one small pass instead of all rounds.
 * @returns for each contestant its name, its operations a second in each round, their median, and the ns of CPU time
 *   that an operation takes (of all its threads and processes, collecting garbage included), or the reason why it has none.
 */
export async function contest(program, contestants, { rounds, warmUps = 3, quick }) {
  const runs = await Promise.all(contestants.map((contestant) => started(contestant, program, quick)));
  for (let round = quick ? 0 : -warmUps; round < (quick ? 1 : rounds); round += 1) {
    for (const run of runs) await run.round(round >= 0);
  }
  for (const run of runs) await run.close();
  return runs.map((run) => run.result());
}

async function started(contestant, program, quick) {
  const mode = quick ? 'quick' : 'full';
  const command = await contestant.command(program.name, mode, quick ? program.quick : program.count);
  return new Running(contestant, command);
}

/** The process of one contestant. */
class Running {
  #name;
  #child;
  #lines;
  #rates = [];
  #cpuNs = [];
  #errors = '';
  #error;
  #ended;

  constructor({ name, env }, [command, ...args]) {
    this.#name = name;
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#child.stderr.on('data', (chunk) => {
      this.#errors += chunk;
    });
    // It has ended then, and what it said before that tells more.
    this.#child.stdin.on('error', () => undefined);
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', resolve);
      this.#child.once('error', (error) => {
        this.#fail(error.message);
        resolve();
      });
    });
  }

  async round(counts) {
    if (this.#error !== undefined) return;
    this.#child.stdin.write('round\n');
    const answer = await this.#answer();
    if (answer === undefined || !counts) return;
    this.#rates.push(Math.round((answer.operations / answer.ns) * 1e9));
    // A machine may not tell the CPU time of other processes.
    if (typeof answer.cpuNs === 'number') this.#cpuNs.push(answer.cpuNs / answer.operations);
  }

  /** Ends the process, which checks its totals first. */
  async close() {
    this.#child.stdin.end();
    if (this.#error === undefined) await this.#answer();
    else this.#child.kill('SIGKILL');
    await this.#ended;
  }

  result() {
    if (this.#error !== undefined) return { contestant: this.#name, perSecond: null, error: this.#error };
    const perSecond = median(this.#rates);
    const cpu = this.#cpuNs.length === 0 ? {} : { cpuNs: rounded(median(this.#cpuNs)) };
    return { contestant: this.#name, perSecond, ...cpu, rates: this.#rates };
  }

  async #answer() {
    const timer = setTimeout(() => {
      this.#fail(`no answer within ${roundMsMax / 1_000} s`);
      this.#child.kill('SIGKILL');
    }, roundMsMax);
    const { value, done } = await this.#lines.next();
    clearTimeout(timer);
    if (done) {
      await this.#ended;
      this.#fail(`its process ended without an answer: ${this.#errors.trim().slice(0, 2_000) || 'it said nothing'}`);
      return undefined;
    }
    const answer = parsed(value);
    if (answer.error === undefined) return answer;
    this.#fail(answer.error);
    return undefined;
  }

  #fail(reason) {
    this.#error ??= reason;
  }
}

function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return { error: `its process said: ${line}` };
  }
}
