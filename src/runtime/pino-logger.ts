/** The log, over pino: JSON lines on standard error, so that standard output stays the program's own. */
import { pino } from 'pino';
import type { Logger } from '../base/logger.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'silent';

export function pinoLogger(level: LogLevel): Logger {
  const log = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
  return {
    error: (fields, text) => log.error(fields, text),
    warn: (fields, text) => log.warn(fields, text),
    info: (fields, text) => log.info(fields, text),
    debug: (fields, text) => log.debug(fields, text),
  };
}
