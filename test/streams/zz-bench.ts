import * as z from 'zod';
import { Subject, filter, map, scan } from 'rxjs';
import { flow, forEach, fromIterable, tumbling, count, mean, max } from '../../src/streams/index.ts';
import { parquet } from '../../src/streams/connect/parquet.ts';
import { runLocally } from './local-run.ts';
const N = 1_000_000;
const items = Array.from({ length: N }, (_, n) => ({ n, id: 'abc' }));
const ops = ($: any) => $.pipe(map((x: any) => ({ n: x.n + 1, id: x.id })), filter((x: any) => x.n % 10 !== 0), scan((s: any, x: any) => s + x.n, 0));
function plain() { let last = 0, c = 0; const s = new Subject<any>(); ops(s).subscribe((v: any) => { last = v; c++; }); const t = performance.now(); for (let i = 0; i < N; i++) s.next(items[i]); s.complete(); return [performance.now() - t, last]; }
let sum = 0;
const f = flow('f', { args: z.object({}) }, (b) => b.from(fromIterable(items)).via('all', ops as any).to(forEach((v: any) => { sum = v; })));
const f3 = flow('f3', { args: z.object({}) }, (b) => b.from(fromIterable(items)).via('m', map((x: any) => ({ n: x.n + 1, id: x.id }))).via('f', filter((x: any) => x.n % 10 !== 0)).via('s', scan((s: any, x: any) => s + x.n, 0)).to(forEach((v: any) => { sum = v; })));
const time = async (fl: any) => { const t = performance.now(); const r = await runLocally(fl, {}); await r.done; return [performance.now() - t, sum]; };
const P: number[] = [], A: number[] = [], B: number[] = [];
for (let r = 0; r < 7; r++) { const p = plain(); const a = await time(f); const b = await time(f3); if (p[1] !== a[1] || p[1] !== b[1]) throw new Error('differs'); P.push(p[0]!); A.push(a[0]!); B.push(b[0]!); }
const med = (x: number[]) => x.sort((a, b) => a - b)[x.length >> 1]!;
console.log('plain', med(P).toFixed(0), 'one via', med(A).toFixed(0), (med(A) / med(P)).toFixed(2), 'three vias', med(B).toFixed(0), (med(B) / med(P)).toFixed(2));
const file = 'node_modules/vega-datasets/data/flights-3m.parquet';
const Row = z.object({ date: z.date(), delay: z.int(), origin: z.string() });
{ const t = performance.now(); let n = 0; for await (const b of parquet({ file, row: Row }).open({ signal: new AbortController().signal })) n += b.length; console.log('parquet rows/s', (n / (performance.now() - t) / 1000).toFixed(2) + 'M', n); }
let w = 0, fl = 0;
const job = flow('job', { args: z.object({}) }, (b) => b.from(parquet({ file, row: Row }), { time: (r) => r.date.getTime() }).keyBy((r) => r.origin, { parallelism: 3 }).window(tumbling({ sizeMs: 3_600_000 })).aggregate({ flights: count(), meanDelay: mean((r) => r.delay), maxDelay: max((r) => r.delay), late: count((r) => r.delay > 15) }).to(forEach((x) => { w++; fl += x.value.flights; })));
{ const t = performance.now(); const r = await runLocally(job, {}); await r.done; console.log('job', (3 / (performance.now() - t) * 1000).toFixed(2) + 'M rows/s', w, fl, JSON.stringify(r.stage('window')), process.memoryUsage().rss / 1e6 | 0); console.log(JSON.stringify(r.counts().map((c) => [c.creditWaits, c.creditWaitMs | 0, c.busyMs | 0]))); }
