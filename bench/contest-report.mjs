/**
 * What a contest prints behind its JSON lines: rates, ratios ours/peer, and the mean of the six.
 *
 * A ratio is the median of those of the rounds, in which both ran one after the other: what slows the machine down for a
 * while then slows both. CPU time is steadier still where others use the same cores, but says nothing of what runs in
 * parallel.
 */
import { median } from './measure.mjs';

/** Our rate over that of a peer in `program`, or nothing where one of them has none. */
export function ratioOf(results, program, own, peer) {
  const [mine, theirs] = [own, peer].map(
    (name) => results.find((one) => one.program === program && one.contestant === name)?.rates,
  );
  if (mine === undefined || theirs === undefined) return undefined;
  return median(mine.map((rate, round) => rate / theirs[round]));
}

/** How many times the CPU time of ours an operation takes the peer, or nothing where one of them has none. */
function cpuRatioOf(results, program, own, peer) {
  const [mine, theirs] = [own, peer].map(
    (name) => results.find((one) => one.program === program && one.contestant === name)?.cpuNs,
  );
  return mine === undefined || theirs === undefined ? undefined : theirs / mine;
}

/**
 * @param results one of `{ program, contestant, perSecond, cpuNs, rates }` for each program and contestant that ran.
 * @param ours names of our own contestants.
 * @param six names of the programs of the mean; none, and there is no mean.
 */
export function report(results, ours, six) {
  const contestants = [...new Set(results.map(({ contestant }) => contestant))];
  const programs = [...new Set(results.map(({ program }) => program))];
  const rate = (program, contestant) =>
    results.find((one) => one.program === program && one.contestant === contestant)?.perSecond ?? undefined;
  const tables = [
    table('M operations/s', programs, contestants, (program, contestant) => {
      const perSecond = rate(program, contestant);
      return perSecond === undefined ? '–' : (perSecond / 1e6).toPrecision(3);
    }),
    table('ns of CPU an operation', programs, contestants, (program, contestant) => {
      const found = results.find((one) => one.program === program && one.contestant === contestant);
      return found?.cpuNs === undefined ? '–' : found.cpuNs.toPrecision(3);
    }),
  ];
  const peers = contestants.filter((name) => !ours.includes(name));
  for (const own of peers.length === 0 ? [] : contestants.filter((name) => ours.includes(name))) {
    const rows = ratioRows(results, programs, own, six);
    tables.push(
      table(`${own} / peer`, Object.keys(rows), peers, (row, peer) => {
        const value = rows[row](peer);
        return value === undefined ? '–' : `${value.toPrecision(3)}×`;
      }),
    );
  }
  return tables.join('\n\n');
}

/** The rows of a table of ratios, each a function of the peer: every program, then what sums them up. */
function ratioRows(results, programs, own, six) {
  const each = (names, suffix, ratio) =>
    Object.fromEntries(names.map((name) => [name + suffix, (peer) => ratio(results, name, own, peer)]));
  const mean = (ratio) => (peer) => geometricMean(six.map((program) => ratio(results, program, own, peer)));
  const rates = each(programs, '', ratioOf);
  // Without a mean, CPU time is told for each program.
  if (six.length === 0) return { ...rates, ...each(programs, ', by CPU', cpuRatioOf) };
  if (!six.every((name) => programs.includes(name))) return rates;
  return { ...rates, 'mean of the six': mean(ratioOf), 'the same by CPU': mean(cpuRatioOf) };
}

/** The geometric mean, or nothing where one value is missing. */
export function geometricMean(values) {
  if (values.includes(undefined)) return undefined;
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

function table(title, rows, columns, cell) {
  const lines = [[title, ...columns], ...rows.map((row) => [row, ...columns.map((column) => cell(row, column))])];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) =>
      line
        .map((text, column) => (column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column])))
        .join('  '),
    )
    .join('\n');
}
