/** The program from start to end: actors, flow, devices, and what is told about them. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ActorSystem, closureActor, createSystem, TroupeError } from 'troupe';
import type { Run, RunStatistics } from 'troupe/streams';
import * as z from 'zod';
import { Display } from '../program/display.ts';
import { alarmDesk } from './alarm-desk.ts';
import { type AreaResult, AreaWindows } from './area-windows.ts';
import type { Tally } from './device.ts';
import { FleetProcess } from './fleet-process.ts';
import { sensors } from './flow.ts';
import type { Options } from './options.ts';
import { type AlarmSummary, Door, type Reading } from './protocol.ts';

const sampleMs = 100;
/** What an interrupted flow, and then its actors, get to stop in. */
const cancelWithinMs = 800;
const shutdownWithinMs = 600;

type Outputs = { readonly areas: AreaResult; readonly late: Reading };

/** Runs it and prints what it came to. When `signal` aborts it stops everything, and throws. */
export async function monitor(options: Options, signal: AbortSignal): Promise<void> {
  const system = await createSystem({ threads: 0 });
  try {
    const { port, thresholdCelsius } = options;
    const desk = await system.spawn(alarmDesk);
    const { door, address } = await openDoor(system);
    const run = await system.run(sensors, { args: { port, thresholdCelsius, door, desk } });
    using fleet = new FleetProcess(await Promise.race([address, endOf(run)]), options);
    const windows = new AreaWindows();
    const late = await follow(run, fleet, windows, signal);
    conclude({ tally: await fleet.done, statistics: run.statistics(), windows, late, alarms: await desk.summary() });
  } finally {
    await system.shutdown({ deadlineMs: shutdownWithinMs });
  }
}

/** An actor that is told where the flow listens: a flow is built on every place, so it gets refs and no functions. */
async function openDoor(system: ActorSystem) {
  let open!: (address: string) => void;
  const address = new Promise<string>((resolve) => {
    open = resolve;
  });
  return { address, door: await system.spawn(closureActor(Door, z.object({}), () => ({ listening: open }))) };
}

/** Rejects as the run does. */
async function endOf(run: Run<Outputs>): Promise<never> {
  await run.done;
  throw new TroupeError('FlowEnded', 'the flow has ended before any device was there: please report this');
}

/** Shows the run while it goes, to its end. Gives how many readings came too late. */
async function follow(
  run: Run<Outputs>,
  fleet: FleetProcess,
  windows: AreaWindows,
  signal: AbortSignal,
): Promise<number> {
  const display = new Display(process.stdout);
  const lines = (): string[] => [progressOf(run.statistics()), ...windows.table()];
  let late = 0;
  let running = true;
  const reading = Promise.all([
    each(run.output('areas'), (result) => windows.add(result)),
    each(run.output('late'), () => {
      late += 1;
    }),
  ]);
  const done = Promise.race([
    Promise.all([run.done, reading]),
    // Without devices nobody would say goodbye.
    Promise.all([fleet.done, run.done]),
    cancelledBy(signal, run, fleet),
  ]).finally(() => {
    running = false;
  });
  // It may fail while nobody looks; it is awaited below.
  done.catch(() => undefined);
  while (running) {
    display.update(lines());
    await Promise.race([sleep(sampleMs), done]);
  }
  await Promise.all([done, reading]);
  display.finish(lines());
  return late;
}

async function each<T>(stream: AsyncIterable<T>, take: (item: T) => void): Promise<void> {
  for await (const item of stream) take(item);
}

/** Waits until `signal` aborts, ends the devices and cancels the run then, and rejects: also when the run is slow to stop. */
async function cancelledBy(signal: AbortSignal, run: Run<Outputs>, fleet: FleetProcess): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  // Devices would complain of a flow that is gone.
  fleet[Symbol.dispose]();
  await Promise.race([run.cancel(), sleep(cancelWithinMs)]);
  throw signal.reason;
}

function progressOf({ stages }: RunStatistics): string {
  const { window: areas, alarms } = stages;
  return `${count(areas?.in ?? 0)} readings, ${count(areas?.late ?? 0)} of them too late, ${count(alarms?.out ?? 0)} crossings`;
}

interface Outcome {
  readonly tally: Tally;
  readonly statistics: RunStatistics;
  readonly windows: AreaWindows;
  readonly late: number;
  readonly alarms: AlarmSummary;
}

/** Prints the ledger: every reading that was sent is in a window, or was late, or was rejected. */
function conclude({ tally, statistics, windows, late, alarms }: Outcome): void {
  const { panes } = windows;
  const { sent, reconnects, keptBack, silent } = tally;
  const rejected = statistics.stages.source!.dropped;
  const sums = windows.sums();
  const { raised, cleared, open, hottest } = alarms;
  const text = `${count(sent)} readings sent = ${count(sums.readings)} windowed + ${count(late)} late + ${count(rejected)} rejected`;
  process.stdout.write(
    [
      '',
      `devices: ${reconnects} reconnects, ${count(keptBack)} readings kept back, ${silent} fell silent`,
      `results: ${count(sums.windows)} windows of areas; ${count(panes.early)} early, ${count(panes['on-time'])} on time, ${count(panes.late)} late`,
      `alarms: ${raised} raised, ${cleared} cleared, ${open.length} open; hottest ${hottest === null ? 'none' : `${hottest.device} with ${hottest.celsius.toFixed(1)} °C`}`,
      text,
      '',
    ].join('\n'),
  );
  const window = statistics.stages.window!;
  const isWhole =
    sent === sums.readings + late + rejected && window.late === late && window.in === sums.readings + late;
  if (!isWhole || raised !== cleared + open.length)
    throw new TroupeError('LedgerBroken', `${text}: please report this`);
}

function count(value: number): string {
  return value.toLocaleString('en');
}
