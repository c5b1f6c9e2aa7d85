import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matches, type NodeRule, NodeRules, nodeRulesSchema, sameRights } from '../../src/runtime/node-rules.ts';
import { rightsFrom } from '../../src/runtime/rights.ts';
import type { ProvenPeer } from '../../src/transport/node-link.ts';
import { proofRuns } from '../support/proof-runs.ts';

const peer = (nodeId: string, roles?: readonly string[], certificateNames?: readonly string[]): ProvenPeer => ({
  nodeId,
  roles,
  certificateNames,
});
const joins = (rule: NodeRule, one: ProvenPeer): boolean => new NodeRules([rule]).refusal(one) === undefined;

describe('a rule of allow', () => {
  it('fits by the name of a node before its incarnation', () => {
    expect(joins({ node: 'edge-*' }, peer('edge-7~ab12', []))).toBe(true);
    for (const other of ['edge~ab12', 'xedge-7~ab12', 'node~edge-7']) {
      expect(joins({ node: 'edge-*' }, peer(other, []))).toBe(false);
    }
  });

  it('fits a node that has roles, all of them among those named: one that asks for more fits no more', () => {
    const rule = { roles: ['edge', 'gateway'] };
    for (const roles of [['edge'], ['gateway', 'edge']]) expect(joins(rule, peer('n~1', roles))).toBe(true);
    for (const roles of [[], ['worker'], ['edge', 'worker']]) expect(joins(rule, peer('n~1', roles))).toBe(false);
  });

  it('fits by a name in the certificate, which may have to be that of the node', () => {
    const names = ['localhost', 'edge-7.nodes.internal', 'spiffe://nodes.internal/edge'];
    for (const certificate of ['edge-*.nodes.internal', 'spiffe://nodes.internal/edge', '{name}.nodes.internal']) {
      expect(joins({ certificate }, peer('edge-7~1', [], names))).toBe(true);
    }
    expect(joins({ certificate: '{name}.nodes.internal' }, peer('edge-8~1', [], names))).toBe(false);
    expect(joins({ certificate: 'hub-*' }, peer('edge-7~1', [], names))).toBe(false);
    // A wildcard in the certificate stands for itself and for nothing else.
    expect(joins({ certificate: '{name}.nodes.internal' }, peer('edge-7~1', [], ['*.nodes.internal']))).toBe(false);
  });

  it('that names a certificate fits nobody who has shown none', () => {
    expect(joins({ certificate: '*' }, peer('n~1', []))).toBe(false);
    expect(joins({ certificate: '*' }, peer('n~1', [], []))).toBe(false);
  });

  it('is the first that fits, with the rights of that one alone', () => {
    const rules = new NodeRules([
      { node: 'edge-*', spawn: ['ingest'], operations: ['ingest.*'] },
      { roles: ['worker'] },
      { spawn: [], operations: ['health.read'] },
    ]);
    expect(rules.rights(peer('edge-1~1', ['worker']))).toEqual({ spawn: ['ingest'], operations: ['ingest.*'] });
    expect(rules.rights(peer('w~1', ['worker']))).toEqual({ spawn: undefined, operations: undefined });
    expect(rules.rights(peer('x~1', []))).toEqual({ spawn: [], operations: ['health.read'] });
  });

  it('lets nobody in where there is none, and gives nothing to whom none fits', () => {
    const none = new NodeRules([]);
    expect(none.refusal(peer('n~1', ['worker'], ['a.example']))).toBe(
      'node n~1, with the roles worker and a certificate for a.example, fits no rule of allow; add one for it, or keep it out',
    );
    const rights = rightsFrom(none.rights(peer('n~1', [])))!;
    expect([rights.maySpawn('counter'), rights.mayCall('counter.inc')]).toEqual([false, false]);
  });

  it('shows of names in a certificate five, printable, and 128 characters of each', () => {
    const text = new NodeRules([]).refusal(peer('n~1', [], ['\u001b[31mred', 'x'.repeat(500), '1', '2', '3', '4']))!;
    expect(text).not.toContain('\u001b');
    expect(text).not.toMatch(/4|x{129}/);
    expect(text).toContain('?[31mred');
  });

  it('gives what its patterns name, and everything where it names nothing', () => {
    expect(rightsFrom({ spawn: undefined, operations: undefined })).toBeUndefined();
    const rights = rightsFrom({ spawn: ['in*', 'exact'], operations: ['counter.*', '*.health'] })!;
    expect(['ingest', 'exact', 'exactly', 'xin', 'in'].map((name) => rights.maySpawn(name))).toEqual([
      true,
      true,
      false,
      false,
      true,
    ]);
    expect(['counter.inc', 'counters.inc', 'a.health', 'counter'].map((name) => rights.mayCall(name))).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(sameRights({ spawn: ['a'], operations: undefined }, { spawn: undefined, operations: ['a'] })).toBe(false);
  });

  it('is refused by name where it says what is no rule', () => {
    for (const wrong of [
      [{ nodes: 'a' }],
      [{ node: 'a*b*' }],
      [{ roles: [] }],
      [{ node: '' }],
      {},
      [{ spawn: 'all' }],
    ]) {
      expect(nodeRulesSchema.safeParse(wrong).success).toBe(false);
    }
    expect(nodeRulesSchema.safeParse([{}, { spawn: [], operations: [] }]).success).toBe(true);
  });
});

describe('a pattern', () => {
  it('matches what the regular expression of it matches', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 });
    const part = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 4 });
    fc.assert(
      fc.property(part, part, fc.boolean(), text, (head, tail, hasStar, given) => {
        const literal = (one: string): string => one.replace(/\./g, '\\.');
        const expected = new RegExp(`^${literal(head)}${hasStar ? '[^]*' : ''}${literal(tail)}$`).test(given);
        expect(matches(`${head}${hasStar ? '*' : ''}${tail}`, given)).toBe(expected);
      }),
      { numRuns: proofRuns(500) },
    );
  });
});
