/** Writes the logs that the flow reads: of three servers, a file a day, the same ones for the same seed. */
import { type FileHandle, open, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { makeFolder } from '../program/folders.ts';
import { SeededRandom } from '../program/seeded-random.ts';
import { formatLine } from './combined-log.ts';
import { type Request, Visits } from './visits.ts';

/** How long the slowest answer takes: no line is more than this out of order. */
export const slowestAnswerMs = 55_000;

const startMs = Date.UTC(2026, 2, 6);
const hours = 72;
const hourMs = 3_600_000;
/** Of a visit, the robots' among them, with what belongs to its pages. */
const linesPerVisit = 10;
const partOfRobots = 0.04;
const partBroken = 0.001;

/** A line, and when it is written: when the answer has gone out. */
interface Line {
  readonly writtenMs: number;
  readonly text: string;
}

export interface Written {
  readonly lines: number;
  readonly bytes: number;
}

/** Writes about `lines` of them into `folders`, one a server, in place of the logs that are there. */
export async function writeLogs(
  options: { folders: readonly string[]; lines: number; seed: number },
  signal: AbortSignal,
): Promise<Written> {
  const { folders, lines, seed } = options;
  await Promise.all(folders.map(removeLogs));
  const random = new SeededRandom(seed);
  const visits = new Visits(random);
  const servers = folders.map((folder) => ({ folder, waiting: [] as Line[] }));
  const sum = { lines: 0, bytes: 0 };
  for (let hour = 0; hour < hours; hour += 1) {
    const fromMs = startMs + hour * hourMs;
    for (let left = visitsIn(hour, lines); left > 0; left -= 1) {
      const atMs = fromMs + random.below(hourMs);
      const requests = random.next() < partOfRobots ? visits.robot(atMs) : visits.person(atMs);
      // Whoever sends the next request may be sent to another server.
      for (const request of requests) random.one(servers).waiting.push(lineOf(request, random));
    }
    for (const server of servers) {
      const { lines, bytes } = await writeUntil(server, fromMs + hourMs);
      sum.lines += lines;
      sum.bytes += bytes;
    }
    signal.throwIfAborted();
  }
  return sum;
}

/** Few at night, many in the evening. */
function visitsIn(hour: number, lines: number): number {
  const part = 1 + Math.sin(((hour % 24) / 24) * 2 * Math.PI - (3 * Math.PI) / 4) * 0.8;
  return Math.ceil((part * lines) / linesPerVisit / hours);
}

function lineOf(request: Request, random: SeededRandom): Line {
  const isDownload = random.next() < 0.01;
  const answerMs = isDownload ? random.next() * slowestAnswerMs : Math.min(random.wait(300), slowestAnswerMs);
  const text = formatLine(request, request.atMs);
  return { writtenMs: request.atMs + answerMs, text: random.next() < partBroken ? damaged(text, random) : text };
}

/** A disk that was full, a scanner that speaks no HTTP, a clock of nowhere, two lines in one. */
function damaged(line: string, random: SeededRandom): string {
  switch (random.below(4)) {
    case 0:
      return line.slice(0, 1 + random.below(line.length - 1));
    case 1:
      return line.replace(/"[A-Z]+ [^"]*"/, String.raw`"\x16\x03\x01\x02"`);
    case 2:
      return line.replace(/\[\d\d\/\w+/, '[31/Feb');
    default:
      return `${line.slice(0, random.below(60))}${line}`;
  }
}

/** Appends what is written before `endMs`, to the file of its day, and keeps the rest. */
async function writeUntil(server: { folder: string; waiting: Line[] }, endMs: number): Promise<Written> {
  const due = server.waiting.filter(({ writtenMs }) => writtenMs < endMs).sort((a, b) => a.writtenMs - b.writtenMs);
  server.waiting = server.waiting.filter(({ writtenMs }) => writtenMs >= endMs);
  if (due.length === 0) return { lines: 0, bytes: 0 };
  const day = new Date(endMs - 1).toISOString().slice(0, 10);
  await using file: FileHandle = await open(join(server.folder, `access-${day}.log`), 'a');
  const bytes = Buffer.from(due.map(({ text }) => `${text}\n`).join(''));
  await file.writeFile(bytes);
  return { lines: due.length, bytes: bytes.length };
}

async function removeLogs(folder: string): Promise<void> {
  await makeFolder(resolve(folder));
  const logs = (await readdir(folder)).filter((name) => /^access-\d{4}-\d\d-\d\d\.log$/.test(name));
  await Promise.all(logs.map((name) => rm(join(folder, name))));
}
