/** Where the runtime writes what people should know. The adapter over pino is in `runtime/`. */
export interface Logger {
  /** Something failed. */
  error(fields: Readonly<Record<string, unknown>>, text: string): void;
  /** Something was lost, or will be. */
  warn(fields: Readonly<Record<string, unknown>>, text: string): void;
  /** What somebody watching wants to know. */
  info(fields: Readonly<Record<string, unknown>>, text: string): void;
  /** Details for those who look for a fault. */
  debug(fields: Readonly<Record<string, unknown>>, text: string): void;
}
