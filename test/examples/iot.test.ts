/** The sensors example by its command: whatever the devices do, every reading is accounted for. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { isAlive, processTree } from '../../scripts/process-tree.mjs';
import { ExampleProcess, numbersIn } from './example-process.ts';

function start(...args: readonly string[]): ExampleProcess {
  return new ExampleProcess('dist-examples/iot/main.js', args);
}

describe('the sensors example', () => {
  it('accounts for each reading of 60 devices, some of which reconnect, break, fall silent, or get hot', async () => {
    const { code, stdout, stderr } = await start('--devices', '60', '--seconds', '6').finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect([...stdout].filter((character) => character < ' ' && character !== '\n')).toEqual([]);
    const ledger = /^([\d,]+) readings sent = ([\d,]+) windowed \+ ([\d,]+) late \+ ([\d,]+) rejected$/m;
    const [sent, windowed, late, rejected] = numbersIn(stdout, ledger) as [number, number, number, number];
    expect(windowed + late + rejected).toBe(sent);
    expect(windowed).toBeGreaterThan(100);
    expect(rejected).toBeGreaterThan(0);
    const devices = /^devices: (\d+) reconnects, ([\d,]+) readings kept back, (\d+) fell silent$/m;
    for (const count of numbersIn(stdout, devices)) expect(count).toBeGreaterThan(0);
    const [raised, cleared, open] = numbersIn(
      stdout,
      /^alarms: (\d+) raised, (\d+) cleared, (\d+) open; hottest device-\d+/m,
    );
    expect(raised).toBe(cleared! + open!);
    const [windows, early, onTime] = numbersIn(
      stdout,
      /^results: ([\d,]+) windows of areas; ([\d,]+) early, ([\d,]+) on time, [\d,]+ late$/m,
    );
    expect(onTime! + early!).toBeGreaterThan(0);
    expect(windows).toBeGreaterThanOrEqual(onTime!);
  });

  it('is gone within 2 s of Ctrl-C with exit code 130, its devices too', async () => {
    const example = start('--seconds', '60', '--devices', '50');
    await example.printed(/^[1-9][\d,]* readings/m);
    const processIds = [...processTree(example.child.pid!).keys()];
    expect(processIds).toHaveLength(2);
    const startedMs = performance.now();
    example.interrupt();
    expect(await example.finished).toMatchObject({ code: 130 });
    // A little is allowed for this process to notice it on a busy machine.
    expect(performance.now() - startedMs).toBeLessThan(2_500);
    expect(processIds.filter(isAlive)).toEqual([]);
  });

  it.each([
    [['--bogus'], /^UsageError: Unknown option '--bogus'/],
    [['--devices', '3'], /^UsageError: --devices takes a whole number from 4 to 1,000; it was given "3"/],
    [['--seconds', '61'], /^UsageError: --seconds/],
    [['--threshold', 'hot'], /^UsageError: --threshold/],
    [['--port', '65536'], /^UsageError: --port/],
  ])('refuses %j with exit code 2', async (args, text) => {
    const { code, stdout, stderr } = await start(...args).finished;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(text);
  });

  it('fails with a typed error where its port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await start('--port', String(port)).finished;
    server.close();
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^SourceFailed: .* cannot be listened on/),
    });
  });
});
