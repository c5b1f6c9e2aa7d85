/** Who runs the programs: we, in both isolations, and the peers; each as the command that starts its process. */
import { existsSync } from 'node:fs';
import { erlang } from './peers/erlang.mjs';

const runner = path('run-program.mjs');

/**
 * The product itself, whose programs are in `bench/local/`.
 *
 * @param meanGoal how many times the rate of Erlang the geometric mean over the six programs is to be.
 */
function troupe(name, meanGoal, settings) {
  return {
    name,
    ours: true,
    meanGoal,
    unavailable: () => undefined,
    command: (program, mode) => [process.execPath, runner, name, program, mode],
    load: async (program) => (await import(`./local/${program}.mjs`)).open(settings),
  };
}

/** A contestant from npm, whose programs are in one file. */
function fromNpm(name, note) {
  return {
    name,
    ours: false,
    runtime: 'node',
    note,
    unavailable: () =>
      existsSync(path(`peers/node_modules/${name}/package.json`))
        ? undefined
        : `${name} is not installed; run npm run bench -- --install-peers`,
    command: (program, mode) => [process.execPath, runner, name, program, mode],
    load: async (program) => (await import(`./peers/${name}.mjs`)).programs[program]?.(),
  };
}

export const contestants = [
  troupe('troupe', 2, { isolation: 'parse' }),
  troupe('troupe trusted', 3, { isolation: 'trusted' }),
  erlang('erlang 1 scheduler', ['+S', '1:1']),
  erlang('erlang', []),
  fromNpm('nact'),
  fromNpm('xstate', 'runs the receiver on the stack of the sender, so a sender waits for what it sent'),
  fromNpm('effect', 'fibers that take from queues'),
  fromNpm('comedy'),
];

function path(relative) {
  return new URL(relative, import.meta.url).pathname;
}
