// npm run example:clickstream
/**
 * Sessions of the visitors of a web site, from the access logs of its servers.
 *
 * Exits with 0 when the output is complete, 1 when something failed, 2 for options that make no sense, 130 when it was
 * interrupted. `node scripts/clickstream-oracle.mjs` compares the output with what DuckDB makes of the same logs.
 */
import { runProgram } from '../program/run-program.ts';
import { help, readOptions } from './options.ts';
import { sessionize } from './sessionize.ts';

await runProgram({ help, readOptions, run: sessionize, interrupted: 'the output is not complete' });
