/** q8, new users: who came and opened an auction in the same 10 s. */
import { map } from 'rxjs';
import { count, during, flow, tumbling } from 'troupe/streams';
import { args, instances } from '../arguments.ts';
import { query, windowClosed } from '../query.ts';
import { results } from '../results.ts';
import { personsAndAuctions } from '../tables.ts';

const sql = `
  select P.id, P.name, P.starttime
  from (select id, name, dateTime // 10000 * 10000 as starttime from person group by all) P
  join (select seller, dateTime // 10000 * 10000 as starttime from auction group by all) A
  on P.id = A.seller and P.starttime = A.starttime`;

export const q8 = query({
  sql,
  late: {
    lateAuctions: { from: { auction: 'auction' }, when: windowClosed(10_000) },
    latePersons: { from: { person: 'person' } },
  },
  floor: 150,
  flink: [146, 162],
  flow: flow('q8', { args }, (f, given) => {
    const { person, auction } = personsAndAuctions(f, given);
    const tenSeconds = tumbling({ sizeMs: 10_000 });
    const sellers = auction
      .via(
        'sellers',
        map(({ seller, dateTime }) => ({ seller, dateTime })),
      )
      .keyBy(({ seller }) => seller, instances(given))
      .window(tenSeconds, { late: 'lateAuctions' })
      .aggregate({ auctions: count() })
      .keyBy(({ key }) => key);
    return person
      .via(
        'persons',
        map(({ id, name, dateTime }) => ({ id, name, dateTime })),
      )
      .keyBy(({ id }) => id, instances(given))
      .join(sellers, during(tenSeconds), { late: 'latePersons' })
      .via(
        'rows',
        map(([{ id, name }, , { startMs }]) => ({ id, name, starttime: startMs })),
      )
      .to(results(given));
  }),
});
