/**
 * Where a system is wired: host, router, worker pool and node links, each with what it needs of the others.
 *
 * Everything that core code needs of the outside comes in here, through the environment. It is loaded when a system is
 * made and not before: a worker loads the registry, hence the package, and has no use for sockets and logs of its own.
 */
import { Guardian } from '../actors/guardian.ts';
import { Host } from '../actors/host.ts';
import { registry as emptyRegistry, type Registry, RegistryIndex } from '../actors/registry.ts';
import type { Resource } from '../actors/resource.ts';
import type { Environment } from '../base/environment/environment.ts';
import { describeThrown, UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import type { Secret } from '../transport/secret.ts';
import { isLoopback } from '../transport/websocket-network.ts';
import { ActorSystem } from './actor-system.ts';
import { ChildPlacement } from './child-placement.ts';
import { fingerprintsOf } from './fingerprints.ts';
import { loadRegistryModule } from './load-registry.ts';
import { NodeLinks } from './node-links.ts';
import { pinoLogger } from './pino-logger.ts';
import { PlaceChoice } from './place-choice.ts';
import { realEnvironment } from './real-environment.ts';
import { nodeOf, Router } from './router.ts';
import { readSecret } from './security.ts';
import { checkOptions, type SystemOptions } from './system-options.ts';
import { WorkerLetters } from './worker-letters.ts';
import { WorkerPool } from './worker-pool.ts';

/** What a test puts in place of the real process, all or some of it. */
export interface Surroundings {
  readonly environment?: Environment;
  readonly log?: Logger;
  /** The resource to open in place of `declared`, or `declared` itself. */
  readonly resourceFor?: (declared: Resource<string, unknown>) => Resource<string, unknown>;
}

/** A system, with the parts of it that its user does not hold. */
export interface StartedSystem {
  readonly system: ActorSystem;
  readonly host: Host;
  readonly registry: RegistryIndex;
}

/** See `createSystem`. */
export async function startSystem(options: SystemOptions): Promise<ActorSystem> {
  return (await startSystemIn({}, options)).system;
}

/** The same in other surroundings: for tests, and for simulation. */
export async function startSystemIn(surroundings: Surroundings, options: SystemOptions): Promise<StartedSystem> {
  checkOptions(options);
  if (options.listen !== undefined && options.auth === undefined && !isLoopback(options.listen)) {
    throw new UsageError(
      `createSystem: ${options.listen} can be reached from other machines; give auth: secret({ file }), or listen on 127.0.0.1`,
    );
  }
  const log = surroundings.log ?? pinoLogger(options.logLevel ?? 'warn');
  const environment = surroundings.environment ?? realEnvironment(log);
  const url = options.registry instanceof URL ? options.registry : undefined;
  const value =
    url === undefined
      ? (options.registry as Registry | undefined)
      : ((await loadRegistryModule(url)).value as Registry);
  const registry = new RegistryIndex(value ?? emptyRegistry());
  const secret: Secret | undefined = options.auth === undefined ? undefined : await readSecret(options.auth, log);
  const isolation = options.isolation ?? 'parse';
  const stacks = options.stacks ?? 'threads';
  const threads = options.threads ?? Math.max(1, environment.places.parallelism - 1);
  const nodeId = `${options.name ?? 'node'}~${environment.random.id()}`;
  const main = `${nodeId}/main`;

  // Router, host, pool and links need each other: what is declared here is filled in before anything runs.
  let workers: WorkerPool;
  let links: NodeLinks;
  const router = new Router({
    environment,
    nodeId,
    registry,
    log,
    stacks,
    carrierTo: (placeId) =>
      nodeOf(placeId) === nodeId ? workers.carrierTo(placeId) : links.carrierTo('main', placeId),
    onBroken: (placeId, what) => onBroken(main, placeId, what),
  });
  /** The session of our place `at` with another broke: whoever sent what cannot be read is cut off. */
  function onBroken(at: string, placeId: string, what: string): void {
    log.error({ at, place: placeId, what }, `the session of ${at} with ${placeId} broke the protocol: ${what}`);
    if (nodeOf(placeId) !== nodeId) links.cut(placeId, what);
    // This thread cannot be ended; what spoke with it can.
    else workers.kill(placeId === main ? at : placeId);
  }
  const choice = new PlaceChoice({
    thread: () => workers.pick(),
    get running() {
      return workers.placeIds;
    },
    node: (role, actorName) => links.pick(role, actorName),
  });
  const shutdownAfter = (): void => void system.shutdownFor('escalated');
  const host = new Host({
    environment,
    placeId: main,
    isolation,
    log,
    guardian: new Guardian(options.guardian ?? {}, log, shutdownAfter),
    remote: (address, branch, protocolName) => router.target(address, branch, protocolName),
    protocolNamed: (name) => registry.protocol(name),
    placement: new ChildPlacement({ registry, router, choose: (where, actor) => choice.choose(where, actor, main) }),
    resourceFor: (declared) => {
      const registered = registry.resource(declared.name) ?? declared;
      return surroundings.resourceFor?.(registered) ?? registered;
    },
  });
  router.attach(host);
  const letters = new WorkerLetters({ host, registry, router });
  workers = new WorkerPool({
    environment,
    nodeId,
    size: threads,
    registry: url,
    isolation,
    log,
    router,
    relay: (from, to, frame, epoch) => links.relay(from, to, frame, epoch),
    epochs: () => links.epochs,
    onBroken,
    guardian: options.guardian ?? {},
    stacks,
    onEscalated: shutdownAfter,
    onLetters: (placeId, posted) => letters.take(placeId, posted),
    choose: (where, actorName, from) => choice.choose(where, actorName, from),
    onPlaceDown: (placeId) => links.placeDown(placeId),
  });
  host.deadLetters.readers.onChange = (areSome) => workers.wantLetters(areSome);
  links = new NodeLinks({
    environment,
    profile: { nodeId, roles: options.roles ?? [], fingerprints: fingerprintsOf(registry), threads },
    clusterId: limits.clusterId,
    secret,
    log,
    router,
    deliver: (placeId, from, frame) => workers.deliver(placeId, from, frame),
    onNodeUp: (joined, epoch) => workers.tellAll({ kind: 'node-up', nodeId: joined, epoch }),
    onNodeDown: (lost, why) => workers.tellAll({ kind: 'node-down', nodeId: lost, why }),
    onPlaceDown: (placeId, why) => workers.tellAll({ kind: 'place-down', placeId, why, reason: 'unreachable' }),
  });
  const system: ActorSystem = new ActorSystem({
    host,
    registry,
    router,
    workers,
    letters,
    links,
    choice,
    log,
    warnsAtExit: surroundings.environment === undefined,
  });
  try {
    if (options.listen !== undefined) await links.listen(options.listen);
    for (const address of options.join ?? []) await links.join(address);
  } catch (error) {
    log.debug({ error: describeThrown(error) }, 'the system could not start');
    await system.shutdown({ deadlineMs: 0 });
    throw error;
  }
  const { shutdownOnSignals } = options;
  if (shutdownOnSignals !== undefined && shutdownOnSignals !== false) {
    system.endOnSignals(shutdownOnSignals === true ? {} : shutdownOnSignals);
  }
  return { system, host, registry };
}
