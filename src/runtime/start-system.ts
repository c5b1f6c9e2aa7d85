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
import { isAnnouncedAddress } from '../transport/node-aside.ts';
import { isLoopback } from '../transport/websocket-network.ts';
import { unsaidWireVersion, wireVersion } from '../transport/wire-version.ts';
import { ActorSystem } from './actor-system.ts';
import { ChildPlacement } from './child-placement.ts';
import { ClientPort } from './clients/client-port.ts';
import { fingerprintsOf } from './fingerprints.ts';
import { HeldThreads } from './held-threads.ts';
import { Homes } from './homes.ts';
import { NodeLinks } from './node-links.ts';
import { nameOf } from './node-peer.ts';
import { NodeRules } from './node-rules.ts';
import { pinoLogger } from './pino-logger.ts';
import { PlaceChoice } from './place-choice.ts';
import { PlacementSupervisor } from './placement-supervisor.ts';
import { loadRegistryInTime } from './preflight.ts';
import { realEnvironment } from './real-environment.ts';
import { refusalLog } from './refusal-log.ts';
import { nodeOf, Router } from './router.ts';
import { readAuthentication } from './security.ts';
import type { Stall } from './stall.ts';
import { StallWatch } from './stall-watch.ts';
import { Stalls } from './stalls.ts';
import { checkOptions, type SystemOptions } from './system-options.ts';
import { ThreadActivity } from './thread-activity.ts';
import { threadPolicy } from './thread-options.ts';
import { WorkerLetters } from './worker-letters.ts';
import { WorkerPool } from './worker-pool.ts';
import { entryForSpawn } from './worker-start.ts';

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
      `createSystem: ${options.listen} can be reached from other machines; give auth: secret({ file }) or mtls({ ca, cert, key }), or listen on 127.0.0.1`,
    );
  }
  if (options.announce !== undefined && !isAnnouncedAddress(options.announce)) {
    throw new UsageError(
      `createSystem: announce takes the address that others are to dial, as ws://host:7000; it was given ${options.announce}`,
    );
  }
  const log = surroundings.log ?? pinoLogger(options.logLevel ?? 'warn');
  const { secret, certificates } = await readAuthentication(options.auth, log);
  const { slots: activity } = new ThreadActivity();
  const environment = surroundings.environment ?? realEnvironment(log, activity, certificates);
  const url = options.registry instanceof URL ? options.registry : undefined;
  const value =
    url === undefined
      ? (options.registry as Registry | undefined)
      : (await loadRegistryInTime(url, environment.clock)).value;
  const registry = new RegistryIndex(value ?? emptyRegistry());
  const isolation = options.isolation ?? 'parse';
  const stacks = options.stacks ?? 'threads';
  const stallMs = options.stallMs ?? limits.stallMs;
  const threads = threadPolicy(options.threads, environment.places.parallelism);
  if (threads.min > 0 && url === undefined) {
    throw new UsageError(
      'createSystem: threads that are always kept load the registry as a module; give registry: new URL(…), or no threads.min',
    );
  }
  const nodeId = `${options.name ?? limits.nodeName}~${environment.random.id()}`;
  const main = `${nodeId}/main`;

  const sessionBroke = refusalLog(environment.clock, (fields, text) => log.error(fields, text), limits.linkLinesMax);

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
    seek: (nodeId) => links.seek(nodeId),
    whyLost: (nodeId) => links.whyLost(nodeId),
    wireOf: (placeId) => links.wireOf(placeId) ?? unsaidWireVersion,
    onBroken: (placeId, what) => onBroken(main, placeId, what),
  });
  /** The session of our place `at` with another broke: whoever sent what cannot be read is cut off. */
  function onBroken(at: string, placeId: string, what: string): void {
    sessionBroke({ at, place: placeId, what }, `the session of ${at} with ${placeId} broke the protocol: ${what}`);
    if (nodeOf(placeId) !== nodeId) links.cut(placeId, what);
    // This thread cannot be ended; what spoke with it can.
    else workers.kill(placeId === main ? at : placeId, `its session broke: ${what}`);
  }
  const choice: PlaceChoice = new PlaceChoice({
    main,
    thread: (where) => workers.pick(where),
    homeOf: (address) => homes.of(address),
    get running() {
      return workers.placeIds;
    },
    node: (where, actorName) => links.pick(where, actorName),
    refuseIfDiffering: (placeId, actorName) => links.refuseIfDiffering(placeId, actorName),
  });
  const shutdownAfter = (): void => void system.shutdownFor('escalated');
  const host: Host = new Host({
    environment,
    placeId: main,
    isolation,
    log,
    guardian: new Guardian(options.guardian ?? {}, log, shutdownAfter),
    remote: (address, branch, protocolName) => router.target(address, branch, protocolName),
    destination: (placeId) => router.destination(placeId),
    onLeft: (cell) => router.onLeft(cell),
    protocolNamed: (name) => registry.protocol(name),
    locate: async (node) => (node === nodeId || node === nameOf(nodeId) ? nodeId : links.locate(node)),
    placement: new ChildPlacement({ registry, router, choose: (where, actor) => choice.choose(where, actor, main) }),
    resourceFor: (declared) => {
      const registered = registry.resource(declared.name) ?? declared;
      return surroundings.resourceFor?.(registered) ?? registered;
    },
    activity,
  });
  router.attach(host);
  const homes: Homes = new Homes(host);
  const letters = new WorkerLetters({ host, registry, router });
  const stalls = new Stalls(environment.clock, log);
  const onStall = (stall: Stall): void => stalls.take(stall);
  const held = new HeldThreads(
    environment.clock,
    (placeId, cell) => router.pathOf(placeId, cell),
    stallMs === false ? undefined : onStall,
  );
  const watch = new StallWatch(host, stallMs, onStall);
  workers = new WorkerPool({
    environment,
    nodeId,
    threads,
    entry: entryForSpawn,
    registry: url,
    isolation,
    log,
    router,
    relay: (from, to, frame, epoch) => links.relay(from, to, frame, epoch),
    nodes: () => links.news,
    onNodeWanted: (nodeId) => links.wanted(nodeId),
    onBroken,
    guardian: options.guardian ?? {},
    stacks,
    onEscalated: shutdownAfter,
    held,
    stallMs,
    onStall,
    onLetters: (placeId, posted) => letters.take(placeId, posted),
    choose: (where, actorName, from) => choice.choose(where, actorName, from),
    homeOf: (address) => homes.of(address),
    onEnded: (placeId) => {
      letters.ended(placeId);
      links.placeDown(placeId);
    },
  });
  host.deadLetters.readers.onChange = (areSome) => workers.wantLetters(areSome);
  links = new NodeLinks({
    environment,
    profile: {
      nodeId,
      roles: options.roles ?? [],
      fingerprints: fingerprintsOf(registry),
      threads: threads.max,
      wire: wireVersion,
    },
    queued: () => host.waiting(limits.loadActorsMax),
    announce: options.announce,
    mayDial: (address) => options.auth !== undefined || isLoopback(address),
    clusterId: limits.clusterId,
    secret,
    certificates,
    rules: options.allow === undefined ? undefined : new NodeRules(options.allow),
    log,
    router,
    deliver: (placeId, from, frame) => workers.deliver(placeId, from, frame),
    resumeMs: options.resumeMs ?? limits.resumeMs,
    onNews: (news) => workers.tellAll(news),
    onPlaceDown: (loss) => workers.tellAll({ kind: 'place-down', loss }),
  });
  const clients =
    options.clients === undefined
      ? undefined
      : new ClientPort({
          environment,
          clients: options.clients,
          owner: host.outside,
          find: (protocol, name) => system.find(protocol, name),
          log,
        });
  const system: ActorSystem = new ActorSystem({
    host,
    registry,
    router,
    workers,
    placement: new PlacementSupervisor({ host, router, workers }),
    letters,
    links,
    clients,
    stalls,
    unwatch: () => {
      watch.close();
      held.close();
      stalls.close();
    },
    choice,
    homes,
    log,
    warnsAtExit: surroundings.environment === undefined,
  });
  workers.begin();
  try {
    if (options.listen !== undefined) await links.listen(options.listen);
    for (const address of options.join ?? []) await links.join(address);
    await clients?.listen();
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
