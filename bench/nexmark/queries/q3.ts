/** q3, local items: who sells something of category 10 in Oregon, Idaho or California. */
import { filter, map } from 'rxjs';
import { always, flow } from 'troupe/streams';
import { args, instances } from '../arguments.ts';
import { query } from '../query.ts';
import { results } from '../results.ts';
import { personsAndAuctions } from '../tables.ts';

const sql = `
  select P.name, P.city, P.state, A.id from auction A join person P on A.seller = P.id
  where A.category = 10 and (P.state = 'OR' or P.state = 'ID' or P.state = 'CA')`;

const states = new Set(['OR', 'ID', 'CA']);

export const q3 = query({
  sql,
  floor: 150,
  flink: [152, 219],
  flow: flow('q3', { args }, (f, given) => {
    const { person, auction } = personsAndAuctions(f, given);
    const local = person
      .via(
        'local',
        filter(({ state }) => states.has(state)),
      )
      .keyBy(({ id }) => id);
    return auction
      .via(
        'category',
        filter(({ category }) => category === 10),
      )
      .keyBy(({ seller }) => seller, instances(given))
      .join(local, always())
      .via(
        'rows',
        map(([{ id }, { name, city, state }]) => ({ name, city, state, id })),
      )
      .to(results(given));
  }),
});
