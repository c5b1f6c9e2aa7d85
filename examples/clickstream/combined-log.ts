/**
 * The Combined Log Format, as Apache and nginx write it:
 *
 * `address ident user [day/month/year:hour:minute:second zone] "request" status bytes "referer" "user agent"`
 *
 * A line is written when its answer has gone out, and carries the time at which its request came in. So lines are out of
 * order by as much as answers take.
 */

/** A request that was answered. */
export interface Hit {
  readonly kind: 'hit';
  /** Who it seems to be: programs that share an address mostly differ in their user agent. */
  readonly visitor: string;
  readonly agent: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  /** Of the answer, without its headers. */
  readonly bytes: number;
}

/** A line that is none of this format. */
export interface Broken {
  readonly kind: 'broken';
  readonly line: string;
}

const quoted = String.raw`"((?:[^"\\]|\\.)*)"`;
const format = new RegExp(
  String.raw`^(\S+) \S+ \S+ \[([^\]]+)\] "([A-Z]+) (\S+) HTTP/\d(?:\.\d)?" (\d{3}) (\d+|-) ${quoted} ${quoted}$`,
);
const timestamp = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const minuteMs = 60_000;

export function parseLine(line: string): Hit | Broken {
  const [, address, time, method, target, status, bytes, , agent] = format.exec(line) ?? [];
  if (time === undefined || Number.isNaN(parseTime(time))) return { kind: 'broken', line };
  return {
    kind: 'hit',
    visitor: `${address} ${agent}`,
    agent: agent!,
    method: method!,
    path: target!.split('?', 1)[0]!,
    status: Number(status),
    bytes: bytes === '-' ? 0 : Number(bytes),
  };
}

/**
 * When the request of a line came in, in ms since the epoch. A line that does not say so counts as of 1970: it goes into
 * no session, and event time is as far as the latest line is, so it moves nothing.
 */
export function timeOf(line: string): number {
  const begin = line.indexOf('[');
  const timeMs = parseTime(line.slice(begin + 1, line.indexOf(']', begin)));
  return Number.isNaN(timeMs) ? 0 : timeMs;
}

/** NaN for what is no time, such as the 31st of February. */
function parseTime(text: string): number {
  const [, day, monthName, year, hour, minute, second, sign, zoneHours, zoneMinutes] = timestamp.exec(text) ?? [];
  const month = months.indexOf(monthName ?? '');
  const [d, h, m, s] = [Number(day), Number(hour), Number(minute), Number(second)];
  const localMs = Date.UTC(Number(year), month, d, h, m, s);
  if (month < 0 || h > 23 || m > 59 || s > 59 || new Date(localMs).getUTCDate() !== d) return Number.NaN;
  const zoneMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * minuteMs;
  return sign === '-' ? localMs + zoneMs : localMs - zoneMs;
}

/** The other way around. @param target a path with its query */
export function formatLine(
  hit: Omit<Hit, 'kind' | 'visitor' | 'path'> & { address: string; target: string },
  timeMs: number,
): string {
  const { address, method, target, status, bytes, agent } = hit;
  const [date, clock] = new Date(timeMs).toISOString().slice(0, 19).split('T') as [string, string];
  const [year, month, day] = date.split('-') as [string, string, string];
  const time = `${day}/${months[Number(month) - 1]}/${year}:${clock} +0000`;
  return `${address} - - [${time}] "${method} ${target} HTTP/1.1" ${status} ${bytes === 0 ? '-' : bytes} "-" "${agent}"`;
}
