/** The way to a system: checks nothing itself, and loads what a system needs only when one is made. */
import type { ActorSystem } from './actor-system.ts';
import type { SystemOptions } from './system-options.ts';

/**
 * Makes the system of this process.
 *
 * @throws UsageError for options that make no sense, RegistryLoadFailed, ListenFailed, DialFailed, HandshakeFailed,
 *   SecretFailed, CertificatesFailed. Nothing is left running then.
 */
export async function createSystem(options: SystemOptions = {}): Promise<ActorSystem> {
  const { startSystem } = await import('./start-system.ts');
  return startSystem(options);
}
