// ours only, user CPU time min-of-rounds, robust against noise
import { createSystem } from 'troupe';
import { counter } from './counter.mjs';
import { QueueLoop } from './bare/queue-loop.mjs';
const iso = process.argv[2] ?? 'trusted';
const N = 1_000_000, B = 1000;
const system = await createSystem({ isolation: iso });
const ref = await system.spawn(counter);
const cpu = () => { const u = process.cpuUsage(); return (u.user + u.system) * 1000; };
let bare = Infinity, ours = Infinity;
for (let r = 0; r < 40; r++) {
  let t0 = cpu(); 0; let t1 = cpu();
  for (let s = 0; s < N; s += B) { for (let i = 0; i < B; i++) ref.inc({ type: 'inc', n: 1, id: 'abc' }); await ref.total(); }
  let t2 = cpu();
  bare = Math.min(bare, (t1 - t0) / N); ours = Math.min(ours, (t2 - t1) / N);
}
console.log(iso, 'bare', bare.toFixed(1), 'ours', ours.toFixed(1), 'ratio', (bare / ours).toFixed(3));
await system.shutdown();
