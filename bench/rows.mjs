/** Every row: which file measures it, with which settings, and which flags its process needs. Budgets are apart. */
const parse = { isolation: 'parse' };
const trusted = { isolation: 'trusted' };

function timerLagRows() {
  const rows = [];
  for (const kind of ['tell', 'ask']) {
    for (const actors of [1, 10_000]) {
      for (const handlerUs of [0, 50, 500]) {
        rows.push({
          row: `timer lag p99, ${kind}, ${actors === 1 ? '1 actor' : '10,000 actors'}, ${handlerUs} µs`,
          file: 'timer-lag',
          settings: { ...parse, kind, actors, handlerUs },
        });
      }
    }
  }
  return rows;
}

const memoryFlags = ['--expose-gc', '--max-old-space-size=3072'];

export const rows = [
  { row: 'counting, trusted', file: 'counting', settings: trusted },
  { row: 'counting, default', file: 'counting', settings: parse },
  { row: 'ping-pong, trusted', file: 'ping-pong', settings: trusted },
  { row: 'bursts of 1,000 against 10', file: 'bursts', settings: parse },
  { row: 'lone ask', file: 'lone-ask', settings: parse },
  { row: 'reliable ask', file: 'reliable-ask', settings: parse },
  ...timerLagRows(),
  {
    row: 'bytes per idle actor, refs dropped',
    file: 'idle-actor-bytes',
    settings: { ...parse, refs: 'dropped' },
    flags: memoryFlags,
  },
  {
    row: 'bytes per idle actor, refs kept',
    file: 'idle-actor-bytes',
    settings: { ...parse, refs: 'kept' },
    flags: memoryFlags,
  },
  { row: 'tell through a router', file: 'routing', settings: { ...parse, kind: 'tell', by: 'router' } },
  { row: 'ask through a router', file: 'routing', settings: { ...parse, kind: 'ask', by: 'router' } },
  { row: 'ask through a pool', file: 'routing', settings: { ...parse, kind: 'ask', by: 'pool' } },
  { row: 'spawn of 10^6 against 10^4', file: 'spawn-linear', settings: parse, flags: memoryFlags },
  { row: 'thread tell', file: 'thread-tell', settings: { ...parse, workers: 1 } },
  { row: 'thread tell, 2 workers', file: 'thread-tell', settings: { ...parse, workers: 2 } },
  { row: 'thread ask', file: 'thread-ask', settings: parse },
  { row: 'CPU-bound asks, 2 workers', file: 'cpu-bound', settings: parse },
  { row: 'thread bytes', file: 'thread-bytes', settings: parse },
  { row: 'idle CPU with workers', file: 'idle-cpu', settings: parse },
  { row: 'worker boot', file: 'worker-boot', settings: parse },
  { row: 'remote tell against ws', file: 'remote-tell', settings: { ...parse, against: 'ws' } },
  { row: 'remote tell against TCP', file: 'remote-tell', settings: { ...parse, against: 'tcp' } },
  { row: 'remote ask', file: 'remote-ask', settings: parse },
  { row: 'small asks beside 100 MiB to a node', file: 'large-beside-asks', settings: parse },
  { row: 'validation of a remote hop', file: 'validation-share', settings: parse },
  { row: 'flow of operators', file: 'flow-operators', settings: { ...parse, against: 'subject' } },
  { row: 'flow of stages', file: 'flow-operators', settings: { ...parse, against: 'node-streams' } },
  { row: 'flow thread hop', file: 'flow-thread-hop', settings: parse },
  { row: 'flow WebSocket hop', file: 'flow-websocket-hop', settings: parse },
];
