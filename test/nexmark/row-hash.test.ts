/** The checksum of rows: the same by a flow's sink and by SQL, and another for other rows. */
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { checksumSql, type Row, rowHash, sumOfHashes } from '../../bench/nexmark/row-hash.ts';
import { proofRuns } from '../support/proof-runs.ts';

const rows = fc.array(
  fc.record({
    id: fc.integer({ min: 0, max: 2 ** 31 }),
    at: fc.integer({ min: 0, max: 2 ** 42 }),
    price: fc.integer({ min: 0, max: 10 ** 8 }).map((cents) => 0.908 * cents),
    text: fc.string({ unit: 'grapheme-ascii', maxLength: 12 }),
  }),
  { minLength: 1, maxLength: 20 },
);

function checksumOf(given: readonly Row[]): number {
  const hashOf = rowHash(given[0]!);
  return given.reduce((sum, row) => sumOfHashes(sum, hashOf(row), 1), 0);
}

it('is what SQL says of the same rows', async () => {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await fc.assert(
    fc.asyncProperty(rows, async (given) => {
      const values = given.map(
        ({ id, at, price, text }) => `(${id}, ${at}, ${price}::double, '${text.replaceAll("'", "''")}')`,
      );
      const columns = ['id', 'at', 'price', 'text'].map((name) => ({ name, isText: name === 'text' }));
      const sql = checksumSql(`select * from (values ${values.join(', ')}) t("id", "at", "price", "text")`, columns);
      const [found] = (await connection.runAndReadAll(sql)).getRowObjects();
      expect(found).toEqual({ rows: given.length, checksum: checksumOf(given) });
    }),
    { numRuns: proofRuns(30) },
  );
  connection.closeSync();
  instance.closeSync();
});

it('is another where two rows exchange a value, and the same in another order and after rows were taken back', () => {
  const [one, other] = [
    { id: 1, price: 500, text: 'a' },
    { id: 2, price: 700, text: 'a' },
  ];
  expect(checksumOf([other, one])).toBe(checksumOf([one, other]));
  expect(
    checksumOf([
      { ...one, price: 700 },
      { ...other, price: 500 },
    ]),
  ).not.toBe(checksumOf([one, other]));
  expect(sumOfHashes(checksumOf([one, other]), rowHash(one)(other), -1)).toBe(checksumOf([one]));
});
