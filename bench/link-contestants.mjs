/** Whose links run beside ours; each as the command that starts the sender, which starts the receiver. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { erlangLink } from './peers/erlang.mjs';

/** A contestant on Node: `open` of its module sends, and starts the process that receives. */
function onNode(name, module, { note, oneWayGoal, missing = () => undefined, settings = {} } = {}) {
  return {
    name,
    ours: name === 'troupe',
    note,
    oneWayGoal,
    unavailable: missing,
    command: (program, mode) => [process.execPath, path('run-link.mjs'), name, program, mode],
    load: async () => (await import(module)).open(settings),
  };
}

/** @returns why a client from npm, or the server that it needs, is not here. */
function missing(packageName, server) {
  return () => {
    if (!existsSync(path(`peers/node_modules/${packageName}/package.json`)))
      return `${packageName} is not installed; run npm run bench -- --install-peers`;
    if (server !== undefined && spawnSync(server, ['--version'], { stdio: 'ignore' }).error !== undefined)
      return `${server} is not installed; on Debian, npm run bench -- --install-peers does so as root`;
    return undefined;
  };
}

export const linkContestants = [
  onNode('troupe', './links/troupe.mjs'),
  erlangLink('erlang distribution', {
    oneWayGoal: 6,
    note: 'a sender is suspended while a megabyte of its link waits; the receiver is not protected',
  }),
  onNode('nats', './peers/links/nats.mjs', {
    missing: missing('@nats-io/transport-node', 'nats-server'),
    oneWayGoal: 3,
    note: 'over its server; a flush tells that the server has taken what was published, not the receiver',
  }),
  onNode('redis pub/sub', './peers/links/redis.mjs', {
    missing: missing('redis', 'redis-server'),
    note: 'over its server; a reply tells that the server has taken what was published. Requests are published too',
  }),
  onNode('moleculer tcp', './peers/links/moleculer.mjs', {
    missing: missing('moleculer'),
    note: 'events and actions; an event is awaited until its socket has written it, its order is not promised',
  }),
  onNode('ws, json', './peers/links/ws.mjs', { settings: { codec: 'json' }, note: 'one frame a message' }),
  onNode('ws, msgpack', './peers/links/ws.mjs', { settings: { codec: 'msgpack' }, note: 'one frame a message' }),
];

function path(relative) {
  return new URL(relative, import.meta.url).pathname;
}
