/**
 * How often clients may ask to be let in, by the address that they come from: each time costs the program a look at a token.
 *
 * Everybody behind a proxy, and behind this machine's own addresses, comes from one address; those have a pace of their own.
 * What is remembered is bounded, and what came last stays: an address that is forgotten begins with a whole burst.
 */
import type { Clock } from '../../base/environment/clock.ts';
import { type Rate, TokenBucket } from '../../base/token-bucket.ts';
import { bareAddress, isOwnMachine, keepLast, networkOf } from '../../transport/address-guard.ts';
import { clientLimits } from '../../transport/client-limits.ts';

export class UpgradePace {
  readonly #clock: Clock;
  readonly #proxies: ReadonlySet<string>;
  readonly #byNetwork = new Map<string, TokenBucket>();

  /** @param proxies their addresses */
  constructor(clock: Clock, proxies: readonly string[]) {
    this.#clock = clock;
    this.#proxies = new Set(proxies.map(bareAddress));
  }

  /** False where that address has asked too often of late. */
  mayAsk(address: string): boolean {
    const network = networkOf(address);
    const isShared = isOwnMachine(address) || this.#proxies.has(bareAddress(address));
    // A proxy shares its network with others perhaps, and not its pace.
    const key = isShared ? address : network;
    const bucket = this.#byNetwork.get(key) ?? new TokenBucket(this.#clock, isShared ? ofProxies : ofOne);
    keepLast(this.#byNetwork, key, bucket, clientLimits.upgradeAddressesMax);
    return bucket.take();
  }
}

const ofOne: Rate = { perSecond: clientLimits.upgradesPerSecond, burst: clientLimits.upgradesBurst };
const ofProxies: Rate = { perSecond: clientLimits.proxyUpgradesPerSecond, burst: clientLimits.proxyUpgradesBurst };
