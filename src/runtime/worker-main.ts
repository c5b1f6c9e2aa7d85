/**
 * The entry of a worker thread: loads the registry, joins the other places, and runs actors until told to stop.
 *
 * It is a plain module that the main thread names by URL; nobody writes one of their own.
 */
import { Guardian } from '../actors/guardian.ts';
import { Host } from '../actors/host.ts';
import { RegistryIndex } from '../actors/registry.ts';
import { treeOf } from '../actors/tree.ts';
import type { Environment } from '../base/environment/environment.ts';
import type { Port } from '../base/environment/place.ts';
import type { Logger } from '../base/logger.ts';
import { Dispatcher } from '../base/platform/dispatcher.ts';
import { realClock } from '../base/platform/real-clock.ts';
import { realRandom } from '../base/platform/real-random.ts';
import { unsaidWireVersion } from '../transport/wire-version.ts';
import { ChildPlacement } from './child-placement.ts';
import { noNetwork } from './no-network.ts';
import { retire, runPhase } from './place-phases.ts';
import { loadRegistry } from './preflight.ts';
import { nodeOf, Router } from './router.ts';
import { StallWatch } from './stall-watch.ts';
import { ThreadActivity } from './thread-activity.ts';
import { portCarrier, relayCarrier } from './thread-carrier.ts';
import { keepBeating } from './thread-heartbeat.ts';
import {
  type FromWorker,
  isPostedFrame,
  type NodeNews,
  type PostedFrame,
  type ToWorker,
  type WorkerInit,
} from './thread-messages.ts';
import { LetterBox } from './worker-letters.ts';
import { PlaceQuestions } from './worker-placement.ts';
import { portFrom, workerPlaces, workerSide } from './worker-places.ts';

const { init, port } = workerSide();
await start(init as WorkerInit, port);

async function start(
  { placeId, mainPlaceId, registry, version, isolation, guardian, stacks, activity, stallMs, beatMs }: WorkerInit,
  main: Port,
): Promise<void> {
  const tellMain = (message: FromWorker): void => main.post(message);
  let index: RegistryIndex;
  try {
    index = new RegistryIndex((await loadRegistry(new URL(registry), version)).value);
  } catch (error) {
    const { startFailureOf } = await import('./worker-start.ts');
    tellMain({ kind: 'failed', failure: startFailureOf(error, stacks !== 'never') });
    return;
  }
  const clock = realClock();
  const { slots } = new ThreadActivity(activity);
  const environment: Environment = {
    clock,
    random: realRandom(),
    scheduler: new Dispatcher(() => clock.monotonicMs(), slots),
    network: noNetwork,
    places: workerPlaces(),
  };
  const peers = new Map<string, Port>([[mainPlaceId, main]]);
  /** What the main thread said last of the link to each node. */
  const nodes = new Map<string, NodeNews>();
  const log = logThrough(tellMain);
  /** Has the main thread look for a node that nobody here knows a way to; it says what came of it. */
  function seek(nodeId: string): void {
    if (nodes.has(nodeId)) return;
    nodes.set(nodeId, { kind: 'node-away', nodeId, wire: unsaidWireVersion });
    tellMain({ kind: 'node-wanted', nodeId });
  }
  const router = new Router({
    environment,
    nodeId: nodeOf(placeId),
    registry: index,
    log,
    stacks,
    carrierTo(other) {
      const direct = peers.get(other);
      if (direct !== undefined) return portCarrier(direct);
      const nodeId = nodeOf(other);
      if (nodeId === nodeOf(placeId)) return undefined;
      const node = nodes.get(nodeId);
      if (node?.kind === 'node-up') return relayCarrier(main, other, node.epoch, node.resumes);
      seek(nodeId);
      return 'away';
    },
    seek,
    wireOf(other) {
      const node = nodes.get(nodeOf(other));
      return node === undefined || node.kind === 'node-down' ? unsaidWireVersion : node.wire;
    },
    onBroken: (other, what) => tellMain({ kind: 'broken', placeId: other, what }),
  });
  const questions = new PlaceQuestions(tellMain);
  const host = new Host({
    environment,
    placeId,
    isolation,
    log,
    guardian: new Guardian(guardian, log, () => tellMain({ kind: 'escalated' })),
    remote: (address, branch, protocolName) => router.target(address, branch, protocolName),
    destination: (placeId) => router.destination(placeId),
    onLeft: (cell) => router.onLeft(cell),
    protocolNamed: (name) => index.protocol(name),
    receptionAt: mainPlaceId,
    activity: slots,
    nameOperations: (first, labels) => tellMain({ kind: 'operations-named', first, labels }),
    placement: new ChildPlacement({
      registry: index,
      router,
      choose: (where, actor) => questions.choose(where, actor),
    }),
    resourceFor: (declared) => index.resource(declared.name) ?? declared,
  });
  router.attach(host);
  new StallWatch(host, stallMs, (stall) => tellMain({ kind: 'stall', stall }));
  const letters = new LetterBox(host, (posted) => tellMain({ kind: 'letters', posted }));

  const onFrame = (from: string) => (message: unknown) => router.onFrame(from, message as PostedFrame);
  const onMain = async (message: ToWorker): Promise<void> => {
    switch (message.kind) {
      case 'peer': {
        const peer = portFrom(message.port);
        peers.set(message.placeId, peer);
        peer.onMessage = onFrame(message.placeId);
        return;
      }
      case 'relay':
        router.onFrame(message.placeId, message.frame);
        return;
      case 'place-down':
        // Its last words first.
        peers.get(message.loss.place)?.drain();
        peers.delete(message.loss.place);
        router.ended(message.loss);
        return;
      case 'place-found':
        questions.answered(message);
        return;
      case 'node-up':
        nodes.set(message.nodeId, message);
        router.grant(message.nodeId, message.rights);
        router.reconnect(message.nodeId);
        return;
      case 'node-away':
        nodes.set(message.nodeId, message);
        router.suspend(message.nodeId);
        return;
      case 'node-down':
        nodes.delete(message.nodeId);
        router.lostNode(message.nodeId, message.why);
        return;
      case 'retire': {
        const isEmpty = await retire(host, router);
        letters.flush();
        tellMain({ kind: 'retired', isEmpty });
        return;
      }
      case 'tree':
        tellMain({ kind: 'tree', tree: treeOf(placeId, host.roots) });
        return;
      case 'letters-wanted':
        letters.wanted(message.wanted);
        return;
      case 'phase': {
        const left = await runPhase(host, message.phase, message.deadlineMs);
        letters.flush();
        router.report();
        tellMain({ kind: 'phase-done', phase: message.phase, ...left });
        return;
      }
      default:
        message satisfies never;
    }
  };
  main.onMessage = (message) => {
    if (isPostedFrame(message)) router.onFrame(mainPlaceId, message);
    else void onMain(message as ToWorker);
  };
  keepBeating(clock, new ThreadActivity(activity), beatMs, () => host.rootCount);
  tellMain({ kind: 'ready' });
}

function logThrough(tellMain: (message: FromWorker) => void): Logger {
  const at =
    (level: 'error' | 'warn' | 'info' | 'debug') => (fields: Readonly<Record<string, unknown>>, text: string) =>
      tellMain({ kind: 'log', level, fields, text });
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}
