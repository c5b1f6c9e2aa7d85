// What the scripts that compare an output with DuckDB's have in common.
import { DuckDBInstance } from '@duckdb/node-api';

/** A database in memory, and `one`: the first row of a query, as numbers. */
export async function openDatabase() {
  const database = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect();
  const one = async (sql) => {
    const [row] = (await database.runAndReadAll(sql)).getRowObjects();
    return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)]));
  };
  return { database, one };
}

/** As SQL writes it. */
export function text(value) {
  return `'${value.replaceAll("'", "''")}'`;
}

/** Prints what differs, which is counted by name, and the verdict. Sets the exit code to 1 where it is not `equal`. */
export function conclude(findings, complete) {
  const wrong = Object.entries(findings).filter(([, found]) => found !== 0);
  for (const [finding, found] of wrong) console.log(`  ${finding}: ${found}`);
  const equal = wrong.length === 0 && complete;
  console.log(equal ? 'equal' : 'different');
  if (!equal) process.exitCode = 1;
}
