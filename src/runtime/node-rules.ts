/**
 * Which nodes may join, and what each may do here: the rules that a user gives as `allow`.
 *
 * The first rule that fits a node in all that it says decides; a node that none fits is refused. Without rules every node that
 * has proved itself may join, and use all that is registered.
 */
import * as z from 'zod';
import { limits } from '../base/limits.ts';
import type { ProvenPeer } from '../transport/node-link.ts';

/**
 * One of the rules of `allow`: which nodes it is for, and what they may do here.
 *
 * All texts but roles are patterns: a `*` stands for any characters, once in a text.
 */
export interface NodeRule {
  /** For nodes of that name, such as `edge-*`; of every name unless given. With a shared secret a node names itself as it likes. */
  readonly node?: string;
  /** For nodes that have roles, all of them among these; of every role unless given. */
  readonly roles?: readonly string[];
  /**
   * For nodes whose certificate has such a name: a DNS name, an IP address or a URI of its subjectAltName, or its common name.
   * `{name}` stands for the name of the node, which the certificate vouches for then: `{name}.nodes.internal`. Needs `mtls`.
   */
  readonly certificate?: string;
  /** Registered actors that such a node may start here; all unless given, `[]` for none. */
  readonly spawn?: readonly string[];
  /**
   * Operations that it may call here, such as `counter.inc` or `counter.*`; all unless given. Where this or `spawn` is given, it
   * may stop, link and restart only actors that it has started itself.
   */
  readonly operations?: readonly string[];
}

/** What a node may do here: for the threads of this node, as they are told. */
export interface NodeRights {
  /** Undefined: all. */
  readonly spawn: readonly string[] | undefined;
  readonly operations: readonly string[] | undefined;
}

export const allRights: NodeRights = { spawn: undefined, operations: undefined };

export class NodeRules {
  readonly #rules: readonly NodeRule[];

  constructor(rules: readonly NodeRule[]) {
    this.#rules = rules;
  }

  /** Why such a node may not join, or undefined. */
  refusal(peer: ProvenPeer): string | undefined {
    if (this.#ruleFor(peer) !== undefined) return undefined;
    const { nodeId, roles, certificateNames } = peer;
    const facts = [
      ...(roles === undefined ? [] : [`the roles ${listed(roles)}`]),
      ...(certificateNames === undefined ? [] : [`a certificate for ${listed(certificateNames)}`]),
    ];
    const who = facts.length === 0 ? `node ${nodeId}` : `node ${nodeId}, with ${facts.join(' and ')},`;
    return `${who} fits no rule of allow; add one for it, or keep it out`;
  }

  /** What such a node may do here. Nothing where it fits no rule. */
  rights(peer: ProvenPeer): NodeRights {
    const rule = this.#ruleFor(peer);
    if (rule === undefined) return { spawn: [], operations: [] };
    return { spawn: rule.spawn, operations: rule.operations };
  }

  #ruleFor(peer: ProvenPeer): NodeRule | undefined {
    return this.#rules.find((rule) => fits(rule, peer));
  }
}

/** True where `text` is what the pattern says. Linear in the text, whatever the pattern. */
export function matches(pattern: string, text: string): boolean {
  const star = pattern.indexOf('*');
  if (star === -1) return pattern === text;
  const [head, tail] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return text.length >= head.length + tail.length && text.startsWith(head) && text.endsWith(tail);
}

export function sameRights(a: NodeRights, b: NodeRights): boolean {
  return JSON.stringify([a.spawn, a.operations]) === JSON.stringify([b.spawn, b.operations]);
}

/** True as long as the node has not said its roles, where all else fits. */
function fits(rule: NodeRule, { nodeId, roles, certificateNames }: ProvenPeer): boolean {
  const name = nodeId.includes('~') ? nodeId.slice(0, nodeId.indexOf('~')) : nodeId;
  if (rule.node !== undefined && !matches(rule.node, name)) return false;
  if (rule.certificate !== undefined) {
    const [head, ...rest] = rule.certificate.split('{name}');
    // The name of a node has no `*`, so none comes into the pattern.
    const pattern = [head, ...rest].join(name);
    if (certificateNames?.some((one) => matches(pattern, one)) !== true) return false;
  }
  if (rule.roles === undefined || roles === undefined) return true;
  return roles.length > 0 && roles.every((role) => rule.roles!.includes(role));
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const shown = names.slice(0, limits.namesInText).map((name) => name.replace(/[^\x20-\x7e]/g, '?').slice(0, 128));
  return names.length > shown.length ? `${shown.join(', ')}, …` : shown.join(', ');
}

const pattern = z
  .string()
  .min(1)
  .max(limits.operationLabelCharactersMax)
  .refine((text) => text.split('*').length <= 2, 'at most one * in a pattern');

/** What `allow` takes. */
export const nodeRulesSchema: z.ZodType<readonly NodeRule[]> = z
  .array(
    z.strictObject({
      node: pattern.optional(),
      roles: z.array(z.string().min(1)).min(1).optional(),
      certificate: pattern.optional(),
      spawn: z.array(pattern).optional(),
      operations: z.array(pattern).optional(),
    }) as z.ZodType<NodeRule>,
  )
  .max(limits.nodeRulesMax);
