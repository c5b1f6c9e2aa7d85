import { createSystem } from 'troupe';
import { counter } from './counter.mjs';
import { QueueLoop } from './bare/queue-loop.mjs';
const iso = process.argv[2] ?? 'trusted', N = 3_000_000, B = 1000;
const system = await createSystem({ isolation: iso });
const ref = await system.spawn(counter);
const med=a=>a.sort((x,y)=>x-y)[a.length>>1];
const bare=[],ours=[];
for (let r = 0; r < 9; r++) {
  let t0 = process.hrtime.bigint();
  new QueueLoop().run(N, B);
  let t1 = process.hrtime.bigint();
  for (let s = 0; s < N; s += B) { for (let i = 0; i < B; i++) ref.inc({ type: 'inc', n: 1, id: 'abc' }); await ref.total(); }
  let t2 = process.hrtime.bigint();
  if (r>1){bare.push(Number(t1-t0)/N); ours.push(Number(t2-t1)/N);}
}
console.log(iso, 'bare', med(bare).toFixed(1), 'ours', med(ours).toFixed(1), 'ratio', (med(bare)/med(ours)).toFixed(3));
await system.shutdown();
