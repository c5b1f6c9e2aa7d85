import { createSystem } from 'troupe';
import { counter } from './counter.mjs';
const system = await createSystem({ isolation: process.argv[2] });
const ref = await system.spawn(counter);
const cpu = () => { const u = process.cpuUsage(); return (u.user + u.system) * 1000; };
const N = 200_000; let bare = 1e9, ours = 1e9; const f = async () => 1;
for (let r = 0; r < 25; r++) {
  let t0 = cpu(); for (let i = 0; i < N; i++) await f(); let t1 = cpu();
  for (let i = 0; i < N; i++) await ref.add({ type: 'inc', n: 1, id: 'abc' });
  let t2 = cpu(); bare = Math.min(bare, (t1 - t0) / N); ours = Math.min(ours, (t2 - t1) / N);
}
console.log('ask', process.argv[2], 'bare', bare.toFixed(1), 'ours', ours.toFixed(1), 'ratio', (ours / bare).toFixed(3));
await system.shutdown();
