/** The address of whatever actor has a name on a node: `troupe://node/name`. */
import { limits } from '../../base/limits.ts';
import { InvalidAddress } from '../errors.ts';
import { checkName } from '../operation.ts';

export interface ActorAddress {
  /** The id of the node, for that incarnation of it alone, or its name. */
  readonly node: string;
  /** The name of a top-level actor there. */
  readonly name: string;
}

const scheme = 'troupe://';
const nodePattern = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/;

/** True for a text that is meant as an address. */
export function isActorAddress(text: string): boolean {
  return text.startsWith(scheme);
}

/** @throws InvalidAddress */
export function parseActorAddress(address: unknown): ActorAddress {
  const shown = JSON.stringify(String(address).slice(0, limits.nameCharactersMax));
  const form = 'an address is troupe://node/name, as troupe://shop/orders';
  if (typeof address !== 'string' || !isActorAddress(address)) {
    throw new InvalidAddress('scheme', `${shown} does not begin with ${scheme}; ${form}`);
  }
  const rest = address.slice(scheme.length);
  const slash = rest.indexOf('/');
  const [node, name] = slash < 0 ? [rest, ''] : [rest.slice(0, slash), rest.slice(slash + 1)];
  checkNode(node, shown, form);
  if (name.includes('#')) {
    throw new InvalidAddress('name', `${shown} is the path of one incarnation of an actor, and not its name; ${form}`);
  }
  if (name.includes('/')) {
    const which = 'only top-level actors are found by name, whatever thread they are on';
    throw new InvalidAddress('name', `${shown}: ${which}; ${form}`);
  }
  try {
    checkName(name, 'the name of an actor');
  } catch (error) {
    const text = name.length > limits.nameCharactersMax ? 'the name is too long' : (error as Error).message;
    throw new InvalidAddress('name', `${shown}: ${text}; ${form}`);
  }
  return { node, name };
}

function checkNode(node: string, shown: string, form: string): void {
  if (!nodePattern.test(node)) {
    throw new InvalidAddress(
      'node',
      `${shown} names no node: a name or an id is letters, digits, ".", "_", "-", "~"; ${form}`,
    );
  }
  if (node === limits.nodeName) {
    const remedy = 'start the node with createSystem({ name }), or give its id';
    throw new InvalidAddress('node', `${shown}: "${node}" is the name of all nodes that were given none; ${remedy}`);
  }
}

/** Its text. */
export function actorAddress({ node, name }: ActorAddress): string {
  return `${scheme}${node}/${name}`;
}
