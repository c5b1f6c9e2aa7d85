/** One row in a process of its own, so that what the compiler learnt in one row does not bend the next. */
import { rounded } from './measure.mjs';
import { rows } from './rows.mjs';

const [name, rounds, quick] = process.argv.slice(2);
const row = rows.find((one) => one.row === name);
if (row === undefined) throw new Error(`there is no row "${name}"`);
const { run } = await import(`./rows/${row.file}.mjs`);
const { ratio, ...details } = await run({ rounds: Number(rounds), quick: quick === 'quick', ...row.settings });
process.stdout.write(`${JSON.stringify({ row: name, ratio: rounded(ratio), ...details })}\n`, () => process.exit(0));
