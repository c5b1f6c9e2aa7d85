// npm run example:scrape
/** What goes through the flow. */

/** A URL with what its host's robots.txt says. */
export interface Target {
  readonly url: string;
  readonly host: string;
  readonly allowed: boolean;
  /** The time between two requests to its host. */
  readonly intervalMs: number;
}

/** How its host answered. */
export interface Answer {
  readonly url: string;
  readonly host: string;
  readonly status: number;
  readonly proxy: string;
  /** How many attempts it took. */
  readonly attempts: number;
  /** From the last request to the end of its answer. */
  readonly latencyMs: number;
  readonly body: string;
}

/** What was found in it. */
export interface Page extends Omit<Answer, 'body'> {
  readonly title: string;
  readonly price: number | null;
  readonly links: readonly string[];
  /** The thread that parsed it. */
  readonly thread: number;
}
