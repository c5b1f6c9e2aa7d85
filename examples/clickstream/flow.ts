/** The flow: access logs of several servers in, sessions of visitors out. */
import { filter, map } from 'rxjs';
import { here, spread, thread } from 'troupe';
import { count, directory, flow, jsonl, mean, session, sum } from 'troupe/streams';
import * as z from 'zod';
import { type Broken, type Hit, parseLine, timeOf } from './combined-log.ts';
import { linesOf } from './lines.ts';
import { entryPage, exitPage, isBot, isPage } from './pages.ts';

const gapMs = 30 * 60_000;
/** No answer takes longer, and lines are written when it has gone out. */
const outOfOrderMs = 60_000;

const args = z.object({
  /** A folder of logs for each server, a file a day. */
  logs: z.array(z.string()).min(2),
  out: z.string(),
  threads: z.int(),
});

/** A session that saw a page. */
type Entered<S> = S & { readonly entry: string };

export const clickSessions = flow('click-sessions', { args }, (f, { logs, out, threads }) => {
  const servers = logs.map((path) =>
    f.from(directory({ path, match: /\.log$/, read: linesOf }), { time: timeOf, outOfOrderMs }),
  );
  const { hits, broken } = f
    .merge(...servers)
    .via('parse', ($) => $.pipe(map(parseLine)))
    .partition({
      hits: (line): line is Hit => line.kind === 'hit',
      broken: (line): line is Broken => line.kind === 'broken',
    });
  const sessions = hits
    .via('people', ($) => $.pipe(filter((hit) => !isBot(hit))))
    .keyBy((hit) => hit.visitor, {
      parallelism: Math.max(1, threads),
      on: threads === 0 ? here() : spread(Array.from({ length: threads }, thread)),
    })
    .window(session({ gapMs }))
    .aggregate({
      pages: count(isPage),
      hits: count(),
      bytes: sum((hit) => hit.bytes),
      entry: entryPage(),
      exit: exitPage(),
    })
    .via('session', ($) =>
      $.pipe(
        map(({ key, window: { startMs, endMs }, value }) => {
          // A session ends with its last hit, its window a gap later.
          return {
            visitor: key,
            start: new Date(startMs).toISOString(),
            durationMs: endMs - gapMs - startMs,
            ...value,
          };
        }),
      ),
    )
    .broadcast('file', 'table');
  return f.ends(
    broken.output('broken'),
    sessions.file.to(jsonl({ file: out })),
    sessions.table
      .via('entered', ($) => $.pipe(filter((session): session is Entered<typeof session> => session.entry !== null)))
      .keyBy(({ entry }) => entry)
      .aggregate({
        sessions: count(),
        bounces: count(({ pages }) => pages === 1),
        meanPages: mean(({ pages }) => pages),
      })
      .table('entryPages'),
  );
});
