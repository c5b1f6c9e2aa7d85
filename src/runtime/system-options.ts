/** The options of `createSystem`, checked once. */
import * as z from 'zod';
import type { GuardianOptions } from '../actors/guardian.ts';
import type { Isolation } from '../actors/isolation.ts';
import type { Registry } from '../actors/registry.ts';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { type ClientsOptions, clientsOptionsSchema } from './clients/client-options.ts';
import { type NodeRule, nodeRulesSchema } from './node-rules.ts';
import type { LogLevel } from './pino-logger.ts';
import type { StackTravel } from './router.ts';
import type { MutualTls, SecretFile, SecretReader } from './security.ts';
import { type ShutdownOptions, shutdownOptionsSchema } from './shutdown.ts';
import { type ThreadOptions, threadOptionsSchema } from './thread-options.ts';

/** Options of `createSystem`, each with its default. */
export interface SystemOptions {
  /** The registry module, or its value; worker threads need the URL. */
  registry?: URL | Registry;
  /**
   * Worker threads at most, each started when it is first needed, or more about them; one for each core but one unless
   * given, and 0 for none.
   */
  threads?: number | ThreadOptions;
  /**
   * `ws://127.0.0.1:7000`, or `wss://` with `mtls`: lets other nodes join here. Port 0 takes a free one. As with any server, a process that
   * listens stays alive until `shutdown()`, without a word.
   */
  listen?: string;
  /**
   * The address at which this node is to be dialled by nodes that hear of it from others: what `listen` gave unless given, where
   * that is not an address of all interfaces, such as `ws://0.0.0.0:7000`. Needed behind such a one, and behind a proxy.
   */
  announce?: string;
  /** Addresses of nodes to join; joined again whenever the link is lost. */
  join?: readonly string[];
  /** What others may place actors by: `node({ role })`. */
  roles?: readonly string[];
  /**
   * How long what is under way to a node waits, in ms, when the link to it is cut: up to 600,000, 20,000 unless given. Once the
   * link is back everything goes on, without loss and in order; after that time it ends as `OutcomeUnknown` or as a dead
   * letter. 0: at once.
   */
  resumeMs?: number;
  /** How nodes know each other: `secret({ file })` or `mtls({ ca, cert, key })`. Needed to listen beyond this machine. */
  auth?: SecretFile | SecretReader | MutualTls;
  /**
   * Which nodes may join and what they may do here, as rules: the first that fits a node decides, and one that none fits is
   * refused. Without it every node that has proved itself may join, start every registered actor and call what it has refs for.
   */
  allow?: readonly NodeRule[];
  /** Lets browsers and other programs in that are no nodes, with `troupe/client`; nobody unless given. */
  clients?: ClientsOptions;
  /** How messages become the receiver's own; `parse` unless given. */
  isolation?: Isolation;
  /**
   * The node's name, before its incarnation; `node` unless given. Give each node its own: one that joins under the name of a
   * node whose link was cut has come in its place.
   */
  name?: string;
  /** `warn` unless given; JSON lines on standard error. */
  logLevel?: LogLevel;
  /**
   * How far the stack of a failure travels with it, beside its name, text, code and causes: `never`, between the
   * `threads` of this node, or to other `nodes` too. `threads` unless given: a stack shows paths of the machine.
   */
  stacks?: StackTravel;
  /**
   * From how many ms on it is a stall that something held a thread, 10 to 60,000; 100 unless given, and `false` to report
   * none. See `ActorSystem.stalls`.
   */
  stallMs?: number | false;
  /** What stands above top-level actors, on each thread; see `GuardianOptions`. */
  guardian?: GuardianOptions;
  /**
   * Shut down at SIGINT or SIGTERM, as `shutdown(options)` would, and have the process end by itself with exit code 0, or
   * 1 where something was left; a second signal ends it at once. Off unless given: what a signal means is the program's
   * to say, and a library that listens for one takes away what it did before.
   */
  shutdownOnSignals?: boolean | ShutdownOptions;
}

/** @throws UsageError */
export function checkOptions(options: SystemOptions): void {
  const checked = optionsSchema.safeParse(options);
  if (!checked.success) throw new UsageError(`createSystem: ${z.prettifyError(checked.error)}`);
}

const optionsSchema = z.strictObject({
  registry: z.unknown().optional(),
  threads: threadOptionsSchema.optional(),
  listen: z.string().optional(),
  announce: z.string().optional(),
  join: z.array(z.string()).optional(),
  roles: z.array(z.string().min(1)).optional(),
  resumeMs: z.number().min(0).max(limits.resumeMsMax).optional(),
  auth: z.unknown().optional(),
  allow: nodeRulesSchema.optional(),
  clients: clientsOptionsSchema.optional(),
  isolation: z.enum(['parse', 'codec', 'trusted']).optional(),
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/)
    .optional(),
  stallMs: z.union([z.literal(false), z.int().min(limits.stallMsMin).max(limits.stallMsMax)]).optional(),
  stacks: z.enum(['never', 'threads', 'nodes']).optional(),
  guardian: z
    .strictObject({
      strategy: z.enum(['one-for-one', 'all-for-one', 'rest-for-one']).optional(),
      escalated: z.enum(['stop', 'shutdown']).optional(),
    })
    .optional(),
  shutdownOnSignals: z.union([z.boolean(), shutdownOptionsSchema]).optional(),
  logLevel: z.enum(['error', 'warn', 'info', 'debug', 'silent']).optional(),
});
