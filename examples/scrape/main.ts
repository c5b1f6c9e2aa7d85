// npm run example:scrape
/**
 * A polite crawler of a web that is not always there.
 *
 * Exits with 0 when every URL is accounted for and no host saw more than it allows, 1 otherwise or when something failed,
 * 2 for options that make no sense, 130 when it was interrupted.
 */
import { runProgram } from '../program/run-program.ts';
import { crawl } from './crawl.ts';
import { help, readOptions } from './options.ts';

await runProgram({ help, readOptions, run: crawl, interrupted: 'all threads have stopped' });
