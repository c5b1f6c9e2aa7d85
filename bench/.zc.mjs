import * as z from 'zod';
for (const [n, s, v] of [['number', z.number(), 5], ['int', z.int(), 5], ['string', z.string(), 'x'], ['obj', z.object({ type: z.literal('inc'), n: z.number(), id: z.string() }), { type: 'inc', n: 1, id: 'abc' }], ['void', z.void(), undefined],['arr', z.array(z.number()), [1,2,3]]]) {
  const c = z.compile(s);
  const p = Object.hasOwn(c, 'parse') ? c.parse : (x) => z.parse(c, x);
  let best = 1e9; let x;
  for (let r = 0; r < 20; r++) { const t = process.hrtime.bigint(); for (let i = 0; i < 200000; i++) x = p(v); best = Math.min(best, Number(process.hrtime.bigint() - t) / 200000); }
  console.log(n, Object.hasOwn(c, 'parse'), best.toFixed(1), 'ns');
}
