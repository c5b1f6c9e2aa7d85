/** Refs, owners and receivers that do just enough to be sent. */
import {
  type RefOwner,
  type RefReceiver,
  refProtocolName,
  refRebind,
  refToWire,
  type SendableRef,
} from '../../../src/actors/schema/ref-rules.ts';

export class FakeRef implements SendableRef {
  readonly path: string;
  readonly owner: RefOwner;
  readonly #protocolName: string;

  constructor(path: string, owner: RefOwner, protocolName = 'peer') {
    this.path = path;
    this.owner = owner;
    this.#protocolName = protocolName;
  }

  get [refProtocolName](): string {
    return this.#protocolName;
  }

  [refRebind](owner: RefOwner): FakeRef {
    return owner === this.owner ? this : new FakeRef(this.path, owner, this.#protocolName);
  }

  [refToWire](): unknown {
    return this.path;
  }
}

export const sender: RefOwner = { name: 'sender' };
export const receiver: RefOwner = { name: 'receiver' };

export const refReceiver: RefReceiver = {
  refFromWire: (wire, _protocol, protocolName) =>
    typeof wire === 'string' ? new FakeRef(wire, receiver, protocolName) : undefined,
};
