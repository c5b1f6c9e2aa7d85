/** Threads as the runtime sees them: places that are started from a module and speak through ports. */

/** One end of an ordered channel between two places of a process. */
export interface Port {
  /** Sends a value; buffers and ports named in `transfer` belong to the receiver afterwards. */
  post(message: unknown, transfer?: readonly unknown[]): void;
  onMessage: (message: unknown) => void;
  close(): void;
  /** Hands over what has arrived already, then closes: for a port whose other end is gone. */
  drain(): void;
}

export type PlaceExit =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'error'; readonly error: unknown };

export interface PlaceHandle {
  /** The channel to the new place's main port. */
  readonly port: Port;
  /** Called exactly once, when the place has ended for whatever reason. */
  onExit: (exit: PlaceExit) => void;
  /** Which part of the time its event loop was in use since it was asked last, or since it began: from 0 to 1. */
  utilisation(): number;
  /** Keeps, or no longer keeps, the process alive because of this place. */
  keepAlive(keep: boolean): void;
  /** Ends the place at once; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface Places {
  /** How many threads can run at the same time. */
  readonly parallelism: number;
  /** True while the process runs under an inspector, so that a place may stand still because somebody looks at it. */
  readonly isInspected: boolean;
  /** Which part of the time the loop of this thread was in use since it was asked last, from 0 to 1; absent: nobody can tell. */
  use?(): number;
  /** Starts a place named `name` from the module at `entry`, handing it `init` (plain data). */
  start(options: {
    readonly entry: URL;
    readonly name: string;
    readonly init: unknown;
    readonly memoryMbMax?: number;
  }): Promise<PlaceHandle>;
  /** Two connected, transferable ends for a direct channel between two places. */
  channel(): readonly [transferable: unknown, transferable: unknown];
}
