// npm run example:monte-carlo
/**
 * Pi and the price of an option by chance, with an actor on each core.
 *
 * Exits with 0 when both agree with the closed forms, 1 when one does not or something failed, 2 for options that make no
 * sense, 130 when it was interrupted.
 */
import { runProgram } from '../program/run-program.ts';
import { estimate } from './estimate.ts';
import { help, readOptions } from './options.ts';

await runProgram({ help, readOptions, run: estimate, interrupted: 'all threads have stopped' });
