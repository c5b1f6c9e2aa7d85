// npm run example:iot
/**
 * Temperatures of devices whose clocks are wrong and whose networks come and go, over WebSocket.
 *
 * Exits with 0 when every reading is accounted for, 1 when something failed, 2 for options that make no sense, 130 when
 * it was interrupted.
 */
import { runProgram } from '../program/run-program.ts';
import { monitor } from './monitor.ts';
import { help, readOptions } from './options.ts';

await runProgram({ help, readOptions, run: monitor, interrupted: 'the devices and the flow have stopped' });
