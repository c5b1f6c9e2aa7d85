/** Two places in one process, joined by carriers that a test can hold up and cut. */
import { Host } from '../../src/actors/host.ts';
import type { Registrable } from '../../src/actors/registry.ts';
import { RegistryIndex, registry } from '../../src/actors/registry.ts';
import type { Environment } from '../../src/base/environment/environment.ts';
import type { Logger } from '../../src/base/logger.ts';
import { Dispatcher } from '../../src/base/platform/dispatcher.ts';
import { realClock } from '../../src/base/platform/real-clock.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { noNetwork } from '../../src/runtime/no-network.ts';
import { Router, type StackTravel } from '../../src/runtime/router.ts';
import type { Carrier } from '../../src/transport/session.ts';
import { wireVersion } from '../../src/transport/wire-version.ts';

export interface TestPlace {
  readonly host: Host;
  readonly router: Router;
  readonly logged: { level: string; fields: unknown; text: string }[];
}

export interface TwoPlaces {
  readonly here: TestPlace;
  readonly there: TestPlace;
  /** Every frame that went over, in either direction. */
  readonly frames: { from: string; frame: Uint8Array }[];
  /** While true, frames are kept back in order. */
  hold(held: boolean): void;
  /** What the nodes speak: for those that connect afterwards. */
  wire: number;
  /** Changes frames on their way; undefined drops them. */
  tamper: (frame: Uint8Array) => Uint8Array | undefined;
  cut(): void;
  close(): Promise<void>;
}

/**
 * @param sameNode false: the strict codec, and every message validated again by its receiver.
 * @param oneReception True: the receptionist of `here` serves `there` too.
 * @param definitionsThere What `there` has registered, where its code differs.
 */
export function twoPlaces(
  definitions: readonly Registrable[],
  sameNode: boolean,
  stacks: StackTravel = 'threads',
  oneReception = false,
  definitionsThere: readonly Registrable[] = definitions,
): TwoPlaces {
  const frames: TwoPlaces['frames'] = [];
  const kept: (() => void)[] = [];
  let held = false;
  const ids = { here: 'a~1/main', there: sameNode ? 'a~1/t1' : 'b~1/main' };

  const make = (own: 'here' | 'there'): TestPlace => {
    const other = own === 'here' ? 'there' : 'here';
    const clock = realClock();
    const environment: Environment = {
      clock,
      random: seededRandom(1),
      scheduler: new Dispatcher(() => clock.monotonicMs()),
      network: noNetwork,
      places: undefined as never,
    };
    const logged: TestPlace['logged'] = [];
    const at = (level: string) => (fields: unknown, text: string) => void logged.push({ level, fields, text });
    const log: Logger = { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
    const index = new RegistryIndex(registry(...(own === 'here' ? definitions : definitionsThere)));
    const carrier: Carrier = {
      send(frame, beside = []) {
        frames.push({ from: ids[own], frame });
        // As between threads: what is posted beside a frame is the sender's no more.
        const memory = beside.map(({ buffer, isShared }) =>
          isShared ? buffer : structuredClone(buffer, { transfer: [buffer as ArrayBuffer] }),
        );
        const deliver = (): void => {
          const arrives = result.tamper(frame);
          if (arrives === undefined) return;
          places[other].router.onFrame(ids[own], memory.length === 0 ? arrives : [arrives, memory]);
        };
        if (held) kept.push(deliver);
        else setImmediate(deliver);
        return true;
      },
      drained: () => Promise.resolve(),
    };
    const router = new Router({
      environment,
      nodeId: ids[own].slice(0, ids[own].indexOf('/')),
      registry: index,
      log,
      stacks,
      carrierTo: (placeId) => (placeId === ids[other] ? carrier : undefined),
      wireOf: () => result.wire,
      onBroken: (placeId, what) => {
        log.error({}, `broken: ${what}`);
        router.lost(placeId, what);
      },
    });
    const host = new Host({
      environment,
      placeId: ids[own],
      isolation: 'parse',
      log,
      remote: (address, branch, protocolName) => router.target(address, branch, protocolName),
      destination: (placeId) => router.destination(placeId),
      onLeft: (cell) => router.onLeft(cell),
      protocolNamed: (name) => index.protocol(name),
      ...(oneReception && own === 'there' ? { receptionAt: ids.here } : {}),
    });
    router.attach(host);
    return { host, router, logged };
  };

  const places = { here: make('here'), there: make('there') };
  const result: TwoPlaces = {
    ...places,
    frames,
    wire: wireVersion,
    tamper: (frame) => frame,
    hold(next) {
      held = next;
      if (!held) for (const deliver of kept.splice(0)) setImmediate(deliver);
    },
    cut() {
      kept.length = 0;
      places.here.router.lost(ids.there, 'cut by the test');
      places.there.router.lost(ids.here, 'cut by the test');
    },
    async close() {
      places.here.router.close('closed');
      places.there.router.close('closed');
      await Promise.all([places.here.host.close(1_000), places.there.host.close(1_000)]);
    },
  };
  return result;
}

/** The id of the place `there`. */
export function thereId(places: TwoPlaces): string {
  return places.there.host.placeId;
}
