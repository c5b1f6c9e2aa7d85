/** Who runs the programs: we, in both isolations, and the peers; each as the command that starts its process. */
import { existsSync } from 'node:fs';
import { erlang } from './peers/erlang.mjs';

const runner = path('run-program.mjs');

/** The product itself, whose programs are in `bench/local/`. */
function troupe(name, settings) {
  return {
    name,
    ours: true,
    unavailable: () => undefined,
    command: (program, mode) => [process.execPath, '--expose-gc', runner, name, program, mode],
    load: async (program) => (await import(`./local/${program}.mjs`)).open(settings),
  };
}

/** A contestant from npm, whose programs are in one file. */
function fromNpm(name, note) {
  return {
    name,
    ours: false,
    note,
    unavailable: () =>
      existsSync(path(`peers/node_modules/${name}/package.json`))
        ? undefined
        : `${name} is not installed; run npm run bench -- --install-peers`,
    command: (program, mode) => [process.execPath, '--expose-gc', runner, name, program, mode],
    load: async (program) => (await import(`./peers/${name}.mjs`)).programs[program]?.(),
  };
}

export const contestants = [
  troupe('troupe', { isolation: 'parse' }),
  troupe('troupe trusted', { isolation: 'trusted' }),
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
