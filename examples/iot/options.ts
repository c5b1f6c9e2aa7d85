/** What the program can be told. */
import { given, whole } from '../program/options.ts';

export const help = `usage: npm run example:iot -- [options]

Devices measure temperatures and send them over WebSocket, with clocks that are wrong, networks that come and go, and
sensors that break. Prints what their areas come to while it is found out, and which devices get too hot.

  --devices <n>     from 4 to 1,000; 200 unless given
  --seconds <n>     how long they measure, from 4 to 60; 10 unless given
  --threshold <c>   above this average a device raises an alarm, in °C from 0 to 150; 70 unless given
  --seed <n>        other devices; 1 unless given
  --port <n>        where to listen; a free port unless given
  --help            print this
`;

export interface Options {
  readonly help: boolean;
  readonly devices: number;
  readonly forMs: number;
  readonly thresholdCelsius: number;
  readonly seed: number;
  readonly port: number;
}

/** @throws UsageError for what it does not know, and for values that make no sense. */
export function readOptions(argv: readonly string[]): Options {
  const values = parse(argv);
  return {
    help: values.help,
    devices: whole('--devices', values.devices, 4, 1_000),
    forMs: 1_000 * whole('--seconds', values.seconds, 4, 60),
    thresholdCelsius: whole('--threshold', values.threshold, 0, 150),
    seed: whole('--seed', values.seed, 0, 1_000_000),
    port: whole('--port', values.port, 0, 65_535),
  };
}

function parse(argv: readonly string[]) {
  const options = {
    devices: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '10' },
    threshold: { type: 'string', default: '70' },
    seed: { type: 'string', default: '1' },
    port: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  } as const;
  return given(argv, options);
}
