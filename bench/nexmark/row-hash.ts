/**
 * A checksum of rows that a flow computes as they come, and SQL over the same rows: the sum of the rows' hashes modulo
 * 2^32, so that no order matters and a row that is taken back is subtracted.
 *
 * A number counts in thousandths, a text by its length and three of its letters. The columns go by their names.
 */

export type Row = Readonly<Record<string, number | string>>;

const begin = 0x811c9dc5;
const factor = 0x9e3779b1;
const modulus = 0x1_0000_0000;

/** The hash of rows of the kind of `sample`, compiled: it reads each row that the query gives. */
export function rowHash(sample: Row): (row: Row) => number {
  const steps = Object.keys(sample)
    .sort()
    .map((column) => {
      const value = `row[${JSON.stringify(column)}]`;
      return `h = step(h, ${typeof sample[column] === 'string' ? `text(${value})` : `Math.round(${value} * 1000)`});`;
    });
  const make = new Function(
    'step',
    'text',
    `return (row) => { let h = ${begin | 0}; ${steps.join('')} return h >>> 0; }`,
  );
  return make(step, textValue) as (row: Row) => number;
}

export function sumOfHashes(sum: number, hash: number, times: number): number {
  return (((sum + hash * times) % modulus) + modulus) % modulus;
}

/** The count and the checksum of the rows of `query`, whose columns are numbers or, where named so, texts. */
export function checksumSql(query: string, columns: readonly { name: string; isText: boolean }[]): string {
  const sorted = [...columns].sort((one, other) => (one.name < other.name ? -1 : 1));
  let rows = `select *, ${begin}::ubigint as h from (${query})`;
  for (const { name, isText } of sorted) {
    const value = isText ? textSql(`"${name}"`) : `(round("${name}"::double * 1000)::bigint & ${modulus - 1})::ubigint`;
    const multiplied = `((xor(h, ${value}) * ${factor}::ubigint) & ${modulus - 1})`;
    rows = `select * replace (xor(h, h >> 15) as h) from (select * replace (${multiplied} as h) from (${rows}))`;
  }
  return `select count(*)::double as rows, coalesce((sum(h) % ${modulus})::double, 0) as checksum from (${rows})`;
}

function step(hash: number, value: number): number {
  const multiplied = Math.imul(hash ^ value, factor);
  return multiplied ^ (multiplied >>> 15);
}

function textValue(text: string): number {
  const { length } = text;
  const [first, middle, last] = [
    text.charCodeAt(0) | 0,
    text.charCodeAt(length >> 1) | 0,
    text.charCodeAt(length - 1) | 0,
  ];
  return length + 31 * (first + 31 * (middle + 31 * last));
}

function textSql(column: string): string {
  const letter = (at: string): string => `ascii(substring(${column}, ${at}, 1))`;
  const [first, middle, last] = [
    letter('1'),
    letter(`length(${column}) // 2 + 1`),
    letter(`greatest(length(${column}), 1)`),
  ];
  return `(length(${column}) + 31 * (${first} + 31 * (${middle} + 31 * ${last})))::ubigint`;
}
