/**
 * A session: the ordered, counted and bounded exchange of messages between two places.
 *
 * It numbers what it sends and keeps every frame until the other side has received it; it sends no more than it was
 * granted; it fills frames with many messages and flushes them when its turn in the run queue comes, or when a frame is
 * full. It knows nothing of what messages mean: an item is a run of fields that `runtime` laid down and reads again. An item
 * may hold several messages; it grows while it is the last of its frame.
 *
 * A frame is one array: `[sequence, received, settled, granted, asks, …items]`. All four counts are cumulative, so a frame
 * without items repeats them at no risk; one that `asks` is answered with the other side's counts at once.
 *
 * A large message goes in pieces, each of which is an item in a frame of its own: `large-lane.ts`. They leave when nothing
 * else is to be sent, and one in each turn whatever else is.
 *
 * It outlives its carrier: suspended, it goes on taking items within its bounds, and over the next carrier each side first
 * says its counts in a resume frame, whose sequence is -1. What the other side has not received is sent again then, so that
 * nothing is lost or comes twice.
 */
import { type BesideBytes, bytesBeside, ownedBytes } from '../base/beside-bytes.ts';
import type { Cancel, Clock } from '../base/environment/clock.ts';
import type { Runnable, Scheduler, Slice } from '../base/environment/scheduler.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { Ring } from '../base/ring.ts';
import { FrameRefused } from './errors.ts';
import type { FrameCodec } from './frame-codec.ts';
import { behindAll, LargeLane, type PieceItems } from './large-lane.ts';

const headerFields = 5;
/** In place of the sequence of a resume frame. */
const resumes = -1;

/** How a session's frames reach the other place. Ordered; what was sent when it breaks may be lost. */
export interface Carrier {
  /** True where it follows one that was cut: every session over it begins with resume frames, a new one too. */
  readonly resumes?: boolean;
  /**
   * False when the carrier has enough for now; wait for `drained`. The frame belongs to the carrier.
   * @param beside Bytes that belong to the frame and are posted beside it, where the codec leaves such out.
   */
  send(frame: Uint8Array, beside?: readonly BesideBytes[]): boolean;
  drained(): Promise<void>;
}

/** How much a session holds, and lets the other side send. */
export interface SessionBounds {
  /** Messages that may be on their way. */
  readonly window: number;
  /** Messages in one frame; below the window. */
  readonly frameMessagesMax: number;
  /** Bytes that may be on their way; one frame more is always sent. */
  readonly bytesWindow: number;
  /** Messages that wait before senders are told to slow down, and before they are refused. */
  readonly outboxHighWater: number;
  readonly outboxCapacity: number;
  /** The same in bytes. */
  readonly outboxBytesHighWater: number;
  readonly outboxBytesCapacity: number;
  /** Messages that may wait before that however large they are. */
  readonly outboxSizedMin: number;
  /** Items that may wait at all, those that cannot be refused among them. */
  readonly outboxItemsMax: number;
  /** Bytes that may wait at all. */
  readonly outboxBytesMax: number;
  /**
   * `settled`: both windows count from what was settled, nothing may be sent before the other side has granted it, and who
   * sends more messages breaks the session. For peers that are not trusted to slow down.
   */
  readonly grantsBy: 'received' | 'settled';
}

const ownBounds: SessionBounds = {
  window: limits.sessionWindow,
  frameMessagesMax: limits.frameMessagesMax,
  bytesWindow: limits.sessionBytesWindow,
  outboxHighWater: limits.outboxHighWater,
  outboxCapacity: limits.outboxCapacity,
  outboxBytesHighWater: limits.outboxBytesHighWater,
  outboxBytesCapacity: limits.outboxBytesCapacity,
  outboxSizedMin: limits.outboxSizedMin,
  outboxItemsMax: limits.outboxItemsMax,
  outboxBytesMax: Number.POSITIVE_INFINITY,
  grantsBy: 'received',
};

export interface SessionOptions {
  readonly carrier: Carrier;
  readonly codec: FrameCodec;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** Reads the items of a frame of so many bytes, from `start` on. Returns how many. Throws where they make no sense. */
  readonly onItems: (fields: readonly unknown[], start: number, bytes: number) => number;
  /** An item that no frame can carry, given back whole: of one message. */
  readonly onRefused: (fields: readonly unknown[], error: FrameRefused) => void;
  /** Cuts an item of several messages in two, the first of which has `messages`. */
  readonly cut: (fields: readonly unknown[], messages: number) => readonly [unknown[], unknown[]];
  /** The other side broke the protocol; the session is of no use any more. */
  readonly onBroken: (what: string) => void;
  /** How pieces of large messages are laid down; undefined where the other side takes none. */
  readonly pieces?: PieceItems | undefined;
  /** Those between places unless given. */
  readonly bounds?: SessionBounds;
}

/** What a session leaves behind when the other place is lost. */
export interface Unsettled {
  /** Items that may have been sent but were not acknowledged, each as its fields. */
  readonly unacknowledged: readonly (readonly unknown[])[];
  /** Items that never left this place. */
  readonly unsent: readonly (readonly unknown[])[];
  /** How many items the other side had received but not settled. */
  readonly received: number;
}

class Frame {
  /** The header's places, then the fields of all items. */
  readonly fields: unknown[] = [0, 0, 0, 0, false];
  /** Where each item begins. */
  readonly starts: number[] = [];
  /** How many messages each item holds. */
  readonly messages: number[] = [];
  /** Messages of all items. */
  count = 0;
  sequence = 0;
  /** Large bytes of its items, as far as it was told; once it is packed, all of its bytes. */
  bytes = 0;
  /** The same by item, where an item has any. */
  weights: Map<number, number> | undefined = undefined;
  /** Of a piece: the message that has left with it, if any. */
  piece: { readonly message: readonly unknown[] | undefined } | undefined = undefined;

  /** The item that was begun last has large bytes. */
  weigh(bytes: number): void {
    this.bytes += bytes;
    this.weights ??= new Map();
    this.weights.set(this.starts.length - 1, bytes);
  }

  begin(messages: number): void {
    this.starts.push(this.fields.length);
    this.messages.push(messages);
    this.count += messages;
  }

  item(index: number): readonly unknown[] {
    return this.fields.slice(this.starts[index], this.starts[index + 1] ?? this.fields.length);
  }

  items(): readonly (readonly unknown[])[] {
    if (this.piece !== undefined) return this.piece.message === undefined ? [] : [this.piece.message];
    return this.starts.map((_, index) => this.item(index));
  }
}

export class Session implements Runnable {
  readonly #options: SessionOptions;
  readonly #bounds: SessionBounds;
  /** True where the window counts from what was settled. */
  readonly #isStrict: boolean;
  #carrier: Carrier;
  /** `resuming` from its own resume frame until that of the other side. */
  #state: 'open' | 'suspended' | 'resuming' = 'open';
  // Sending.
  #open = new Frame();
  /** At how many messages the open frame is full. */
  #frameMessages: number;
  /** Which item may still grow: counted by all that ever began, and by frames that were closed. */
  #last = 0;
  readonly #sealed = new Ring<Frame>();
  /** Sent, and not received by the other side as far as is known. */
  readonly #retained = new Ring<Frame>();
  /** The same, where they were sent over an earlier carrier and are to be sent over this one. */
  readonly #again = new Ring<Frame>();
  #queued = 0;
  /** Large bytes among what is queued. */
  #queuedBytes = 0;
  readonly #large: LargeLane | undefined;
  /** Bytes that were sent and that the other side has not received, or not settled where that counts; pieces among them. */
  #flightBytes = 0;
  #pieceBytes = 0;
  /** Bytes of pieces that were sent since counts were asked for. */
  #unaskedBytes = 0;
  /** True while the item that was begun last is in the lane, where it does not grow. */
  #isLastInLane = false;
  /** Frames that the other side has not settled, where that counts: how many messages were sent with them, and their bytes. */
  readonly #unsettled = new Ring<readonly [sent: number, bytes: number]>();
  /** At how many messages the outbox is above its high water, and full: fewer where messages are large. */
  #highWater: number;
  #capacity: number;
  #sent = 0;
  #acknowledged = 0;
  #settledThere = 0;
  #granted: number;
  #carrierFull = false;
  #isReady = false;
  readonly #roomWaiters: (() => void)[] = [];
  readonly #laneWaiters: (() => void)[] = [];
  // Receiving.
  #received = 0;
  #settled = 0;
  #reportedReceived = 0;
  #reportedSettled = 0;
  /** How many messages the other side may have sent in all. */
  #promised = 0;
  /** Bytes that were received since that was last reported. */
  #unreportedBytes = 0;
  #askedForCounts = false;
  #idle: Cancel | undefined = undefined;
  #ended = false;
  /** Why it is of no use, once that is known. */
  #broken: string | undefined = undefined;
  /** Frames and bytes that went out, for the eyes. */
  readonly statistics = { framesSent: 0, bytesSent: 0, framesReceived: 0, bytesReceived: 0, creditWaits: 0 };

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#carrier = options.carrier;
    const { codec, pieces } = options;
    if (codec.large !== undefined && pieces !== undefined) this.#large = new LargeLane(codec.large, pieces);
    this.#bounds = options.bounds ?? ownBounds;
    this.#isStrict = this.#bounds.grantsBy === 'settled';
    this.#frameMessages = this.#bounds.frameMessagesMax;
    this.#highWater = this.#bounds.outboxHighWater;
    this.#capacity = this.#bounds.outboxCapacity;
    this.#granted = this.#isStrict ? 0 : this.#bounds.window;
  }

  // ── sending ──

  /** False when senders should slow down. */
  get hasRoom(): boolean {
    return this.#queued < this.#highWater && this.#queuedBytes < this.#bounds.outboxBytesHighWater;
  }

  /** True when messages that may be refused must be refused. */
  get isFull(): boolean {
    return this.#queued >= this.#capacity;
  }

  /** True when messages with so many large bytes must be refused as well; what is small still finds room. */
  isFullFor(bytes: number): boolean {
    if (this.isFull || bytes === 0) return this.isFull;
    const queued = this.#goesInPieces(bytes) ? this.#large!.bytes : this.#queuedBytes;
    return queued >= this.#bounds.outboxBytesCapacity;
  }

  /** False when senders of messages with so many large bytes should slow down; small ones go past those in the lane. */
  hasRoomFor(bytes: number): boolean {
    if (!this.hasRoom) return false;
    return !this.#goesInPieces(bytes) || this.#large!.bytes < this.#bounds.outboxBytesHighWater;
  }

  #goesInPieces(bytes: number): boolean {
    return this.#large !== undefined && bytes > this.#options.codec.besideBytesMax;
  }

  /** True when it is broken, since more waits than may ever wait. */
  get isOverfull(): boolean {
    return this.#queued > this.#bounds.outboxItemsMax || this.#queuedBytes > this.#bounds.outboxBytesMax;
  }

  get isOver(): boolean {
    return this.#ended;
  }

  /** True where large messages go in pieces, so that they are not bounded by a frame. */
  get takesLarge(): boolean {
    return this.#large !== undefined;
  }

  /** True while there is no carrier. */
  get isSuspended(): boolean {
    return this.#state === 'suspended' && !this.#ended;
  }

  /** Items sent that the other side has not handled yet, and items not sent yet. */
  get outstanding(): number {
    return this.#sent - this.#settledThere + this.#queued;
  }

  /** Items that the other side has not received yet, those that have not left included. */
  get undelivered(): number {
    return this.#sent - this.#acknowledged + this.#queued;
  }

  /** Sends what there is, and asks what of it was received: for who is about to leave. */
  hurry(): void {
    if (this.#ended || this.undelivered === 0) return;
    if (this.#open.count > 0) this.#seal();
    this.#flush();
    this.#sendCounts(true);
  }

  /** Says what was received and handled, where the other side has not been told: for who leaves for good. */
  report(): void {
    if (this.#ended) return;
    if (this.#received !== this.#reportedReceived || this.#settled !== this.#reportedSettled) this.#sendCounts(false);
  }

  /** Resolves when there is room again for so many large bytes, or the session has ended. */
  async whenRoom(bytes = 0): Promise<void> {
    while (!this.hasRoomFor(bytes) && !this.#ended) {
      const waiters = this.hasRoom ? this.#laneWaiters : this.#roomWaiters;
      await new Promise<void>((resolve) => waiters.push(resolve));
    }
  }

  /**
   * Begins an item and gives the array to push its fields to, at once and completely. The item is sent when the
   * session's turn comes.
   *
   * @param bytes How many bytes its large binary values have.
   * @param key It stays behind large messages of the same key, and is overtaken by all else if it is one; without a key
   * it overtakes them all.
   */
  begin(bytes = 0, key?: number): unknown[] {
    if (this.#large !== undefined) {
      const isLarge = this.#goesInPieces(bytes);
      if (isLarge || this.#large.holds(key)) return this.#beginInLane(key, bytes, isLarge);
      this.#isLastInLane = false;
    }
    return this.#begin(bytes, true);
  }

  /** The same for what must come after all that was said before, such as that an actor has ended. */
  beginBehindAll(): unknown[] {
    return this.begin(0, behindAll);
  }

  #beginInLane(key: number | undefined, bytes: number, isLarge: boolean): unknown[] {
    this.#last += 1;
    this.#isLastInLane = true;
    this.#queue();
    this.#makeReady();
    return this.#large!.add(key ?? behindAll, bytes, isLarge);
  }

  /** True while the item of these fields waits in the lane of large messages; `left` is called once it has left. */
  follow(fields: readonly unknown[], left: () => void): boolean {
    return this.#large?.follow(fields, left) === true;
  }

  /** Nobody wants the item of these fields any more. False where it has left. */
  withdraw(fields: readonly unknown[]): boolean {
    if (this.#large?.withdraw(fields) !== true) return false;
    this.#makeReady();
    return true;
  }

  /** @param isNew Whether it is to be counted, since it was not in the lane. */
  #begin(bytes: number, isNew: boolean): unknown[] {
    if (this.#open.count >= this.#frameMessages || this.#open.bytes + bytes > this.#options.codec.besideBytesMax) {
      this.#seal();
      // A full frame goes out now: the other side can work while this one fills the next.
      this.#flush();
    }
    this.#last += 1;
    this.#open.begin(1);
    if (bytes > 0) {
      this.#open.weigh(bytes);
      this.#queuedBytes += bytes;
    }
    if (isNew) this.#queue();
    this.#makeReady();
    return this.#open.fields;
  }

  /**
   * What was laid down so far goes out before its frame is full, where the other side has little under way to it and so waits
   * for work. For calls and answers: who says several things in one turn, of an actor that leaves for example, may count on
   * it that they arrive together, as long as they fit a frame.
   */
  urge(): void {
    if (this.#open.count < limits.frameMessagesEarly || this.#state !== 'open') return;
    if (this.#retained.size + this.#again.size >= limits.framesEarly) return;
    this.#seal();
    this.#flush();
  }

  /** A mark of the item that was begun last. */
  get last(): number {
    return this.#last;
  }

  /** True while the item of that mark may hold one message more. */
  grows(mark: number): boolean {
    return mark === this.#last && !this.#isLastInLane && this.#open.count < this.#frameMessages;
  }

  /** Counts one more message in the item that was begun last. */
  grow(): void {
    const frame = this.#open;
    frame.messages[frame.messages.length - 1]! += 1;
    frame.count += 1;
    this.#queue();
  }

  #queue(): void {
    this.#queued += 1;
    if (!this.isOverfull) return;
    const { outboxItemsMax, outboxBytesMax } = this.#bounds;
    const what = this.#queued > outboxItemsMax ? `${outboxItemsMax} items` : `${outboxBytesMax} bytes`;
    this.#break(`more than ${what} wait for the other side, which takes none`);
  }

  run(slice: Slice): void {
    this.#isReady = false;
    if (this.#ended) return;
    // One, so that a sender that never pauses does not keep it from leaving.
    if (this.#large?.isEmpty === false) this.#sendPiece();
    this.#flushAll();
    while (this.#large?.isEmpty === false && this.#open.count === 0 && this.#sealed.size === 0 && this.#sendPiece()) {
      // What was behind a large message is not behind it any more.
      if (this.#open.count > 0) this.#flushAll();
    }
    if (this.#countsDue) this.#sendCounts(false);
    slice.spent(1);
  }

  #flushAll(): void {
    this.#flush();
    // What must wait anyway goes on filling its frame; else each message that trickles in would be a frame of its own.
    if (this.#open.count > 0 && this.#sealed.size === 0 && this.#maySend(this.#open.count)) {
      this.#seal();
      this.#flush();
    }
  }

  #makeReady(): void {
    if (this.#isReady || this.#ended) return;
    this.#isReady = true;
    this.#options.scheduler.ready(this);
  }

  #seal(): void {
    if (this.#open.count === 0) return;
    this.#sealed.push(this.#open);
    this.#open = new Frame();
    this.#last += 1;
  }

  #flush(): void {
    while (this.#again.size > 0 && this.#mayCarry) this.#sendAgain(this.#again.shift()!);
    while (this.#sealed.size > 0 && this.#maySend(this.#sealed.peek()!.count)) this.#send(this.#sealed.shift()!);
  }

  get #mayCarry(): boolean {
    return this.#state === 'open' && !this.#carrierFull && !this.#ended && this.#broken === undefined;
  }

  /** Whether a new frame of so many messages may be sent: the first of these, or all where the other side counts. */
  #maySend(messages: number): boolean {
    if (!this.#mayCarry) return false;
    const last = this.#isStrict ? this.#sent + messages - 1 : this.#sent;
    if (last < this.#granted && this.#flightBytes < this.#bounds.bytesWindow) return true;
    this.statistics.creditWaits += 1;
    this.#keepIdleTimer();
    return false;
  }

  #send(frame: Frame): void {
    const beside: BesideBytes[] = [];
    const { bytes } = frame;
    const packed = this.#pack(frame, beside);
    if (packed === undefined) return;
    this.#queued -= frame.count;
    this.#queuedBytes -= bytes;
    this.#sendPacked(frame, packed, beside);
  }

  #sendPacked(frame: Frame, packed: Uint8Array, beside?: readonly BesideBytes[]): void {
    this.#sent += frame.count;
    this.#flightBytes += frame.bytes;
    if (this.#isStrict) this.#unsettled.push([this.#sent, frame.bytes]);
    this.#retained.push(frame);
    this.#carry(packed, beside);
    this.#keepIdleTimer();
    if (this.#roomWaiters.length > 0 && this.hasRoom) this.#wakeRoomWaiters();
  }

  /** Sends what comes next in the lane of large messages. False where it must wait. */
  #sendPiece(): boolean {
    if (this.#pieceBytes >= limits.chunkBytesWindow || this.#again.size > 0 || !this.#maySend(1)) return false;
    const piece = this.#large!.next();
    if (piece === undefined) return false;
    switch (piece.kind) {
      case 'chunk':
        this.#carryPiece(piece.fields, undefined);
        break;
      case 'whole':
        this.#queued -= 1;
        this.#carryPiece(piece.fields, piece.message);
        break;
      case 'dropped':
        this.#queued -= 1;
        if (piece.fields !== undefined) this.#carryPiece(piece.fields, undefined);
        break;
      case 'freed':
        this.#begin(piece.bytes, false).push(...piece.fields);
        // The next item of its kind does not grow it: its values are whoever's laid it down.
        this.#last += 1;
        break;
      case 'refused':
        this.#queued -= 1;
        this.#options.onRefused(piece.fields, piece.error);
        break;
      default:
        piece satisfies never;
    }
    if (this.#large!.bytes < this.#bounds.outboxBytesHighWater) this.#wake(this.#laneWaiters.splice(0));
    if (this.#roomWaiters.length > 0 && this.hasRoom) this.#wakeRoomWaiters();
    return true;
  }

  /** @param message What has left with it. */
  #carryPiece(fields: readonly unknown[], message: readonly unknown[] | undefined): void {
    const frame = new Frame();
    frame.begin(1);
    frame.fields.push(...fields);
    frame.piece = { message };
    frame.sequence = this.#sent;
    // So that the next leave without a wait for the counts that are said anyway.
    if (this.#unaskedBytes >= limits.chunkBytesWindow / 4) frame.fields[4] = true;
    this.#stamp(frame.fields, this.#sent);
    const packed = this.#options.codec.pack(frame.fields);
    frame.bytes = packed.byteLength;
    this.#unaskedBytes = frame.fields[4] === true ? 0 : this.#unaskedBytes + frame.bytes;
    this.#pieceBytes += frame.bytes;
    this.#sendPacked(frame, packed);
  }

  /** Under its old sequence, and with the counts of now. */
  #sendAgain(frame: Frame): void {
    this.#retained.push(frame);
    this.#stamp(frame.fields, frame.sequence);
    try {
      const beside: BesideBytes[] = [];
      this.#carry(this.#options.codec.pack(frame.fields, beside), beside);
    } catch (error) {
      if (!(error instanceof FrameRefused)) throw error;
      // With `isolation: 'trusted'` its values are the sender's own, who has changed them since.
      this.#break(`a frame cannot be sent again: ${error.message}`);
    }
  }

  /** How many messages the other side has when everything has arrived that was sent over this carrier. */
  get #carried(): number {
    return this.#again.peek()?.sequence ?? this.#sent;
  }

  /** The frame's bytes; a frame that is too large, or holds what cannot be sent, is sent in halves instead. */
  #pack(frame: Frame, beside: BesideBytes[]): Uint8Array | undefined {
    frame.sequence = this.#sent;
    this.#stamp(frame.fields, this.#sent);
    let refused: FrameRefused | undefined;
    try {
      const packed = this.#options.codec.pack(frame.fields, beside);
      const bytes = packed.byteLength + bytesBeside(beside);
      // What lies beside it was weighed before it came in, so it tells nothing of other messages.
      if (bytes === packed.byteLength) this.#learnSize(bytes, frame.count);
      const fits = packed.byteLength <= limits.frameBytesMax && bytes <= this.#options.codec.besideBytesMax;
      if (fits || frame.count === 1) {
        frame.bytes = bytes;
        return packed;
      }
    } catch (error) {
      if (!(error instanceof FrameRefused)) throw error;
      refused = error;
    }
    if (frame.count > 1) {
      for (const half of halves(frame, this.#options.cut)) this.#send(half);
    } else if (refused !== undefined) {
      this.#queued -= 1;
      this.#queuedBytes -= frame.bytes;
      this.#options.onRefused(frame.item(0), refused);
    }
    return undefined;
  }

  /** Large messages go fewer to a frame, so that none is packed twice because it came out too large. */
  #learnSize(bytes: number, count: number): void {
    const mean = bytes / count;
    const bounds = this.#bounds;
    // Of what is not weighed the size is known when it is packed; the next messages are likely to be as large.
    this.#highWater = between(bounds.outboxBytesHighWater / mean, bounds.outboxSizedMin, bounds.outboxHighWater);
    this.#capacity = between(bounds.outboxBytesCapacity / mean, bounds.outboxHighWater, bounds.outboxCapacity);
    if (bytes > limits.frameBytesMax / 2) this.#frameMessages = Math.max(1, this.#frameMessages >> 1);
    else if (bytes < limits.frameBytesMax / 8 && this.#frameMessages < bounds.frameMessagesMax)
      this.#frameMessages *= 2;
  }

  #stamp(fields: unknown[], sequence: number): void {
    fields[0] = sequence;
    fields[1] = this.#reportedReceived = this.#received;
    // What is settled at once is settled before its frame has been counted as received.
    fields[2] = this.#reportedSettled = Math.min(this.#settled, this.#received);
    fields[3] = this.#promised = (this.#isStrict ? this.#reportedSettled : this.#received) + this.#bounds.window;
    this.#askedForCounts = false;
    this.#unreportedBytes = 0;
  }

  #carry(packed: Uint8Array, beside?: readonly BesideBytes[]): void {
    this.statistics.framesSent += 1;
    this.statistics.bytesSent += packed.byteLength;
    if (beside !== undefined) this.statistics.bytesSent += bytesBeside(beside);
    const carrier = this.#carrier;
    const failed = (error: unknown): void => {
      if (this.#carrier === carrier) this.#break(`its carrier failed: ${describeThrown(error)}`);
    };
    try {
      if (carrier.send(packed, beside)) return;
      this.#carrierFull = true;
      carrier.drained().then(() => {
        if (this.#carrier !== carrier) return;
        this.#carrierFull = false;
        this.#makeReady();
      }, failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Sends nothing more, and says so when the item that is being laid down is whole: it may then end the session. */
  #break(what: string): void {
    if (this.#broken !== undefined) return;
    this.#broken = what;
    void Promise.resolve().then(() => {
      if (!this.#ended) this.#options.onBroken(what);
    });
  }

  // ── counts ──

  get #countsDue(): boolean {
    const { window, bytesWindow } = this.#bounds;
    if (this.#askedForCounts || this.#received - this.#reportedReceived >= window / 4) return true;
    return this.#unreportedBytes >= bytesWindow / 4 || this.#owesGrant;
  }

  /** The other side may send a good part of its window again. */
  get #owesGrant(): boolean {
    if (!this.#isStrict) return false;
    return Math.min(this.#settled, this.#received) - this.#reportedSettled >= this.#bounds.window / 4;
  }

  #sendCounts(asks: boolean): void {
    if (!this.#mayCarry) return;
    const fields: unknown[] = [0, 0, 0, 0, asks];
    this.#stamp(fields, this.#carried);
    this.#carry(this.#options.codec.pack(fields));
  }

  /** While counts are unreported, or messages unacknowledged, the counts are repeated at intervals. */
  #keepIdleTimer(): void {
    if (this.#idle !== undefined || this.#ended || this.#state !== 'open') return;
    this.#idle = this.#options.clock.timer(limits.sessionIdleMs, () => {
      this.#idle = undefined;
      if (this.#ended) return;
      const waiting = this.#sent > this.#acknowledged || this.#queued > 0;
      if (waiting || this.#received !== this.#reportedReceived || this.#settled !== this.#reportedSettled) {
        this.#sendCounts(waiting);
        this.#keepIdleTimer();
      }
    });
  }

  // ── receiving ──

  /** @param beside The memory of what came beside the frame. */
  onFrame(frame: Uint8Array, beside?: readonly ArrayBufferLike[]): void {
    // What still comes over a carrier that is gone is sent again.
    if (this.#ended || this.#state === 'suspended') return;
    const bytes = frame.byteLength + (beside === undefined ? 0 : ownedBytes(beside));
    this.statistics.framesReceived += 1;
    this.statistics.bytesReceived += bytes;
    this.#unreportedBytes += bytes;
    let problem: string | undefined;
    try {
      const fields = this.#options.codec.unpack(frame, beside);
      problem = this.#readHeader(fields);
      if (problem === undefined && fields.length > headerFields) {
        this.#received += this.#options.onItems(fields, headerFields, bytes);
      }
      if (fields[4] === true) this.#askedForCounts = true;
    } catch (error) {
      problem = error instanceof Error ? error.message : 'a frame that cannot be read';
    }
    if (problem !== undefined) {
      this.#options.onBroken(problem);
      return;
    }
    if (this.#countsDue || this.#queued > 0) this.#makeReady();
    this.#keepIdleTimer();
  }

  #readHeader(fields: readonly unknown[]): string | undefined {
    const [sequence, received, settled, granted, asks] = fields;
    const isFirst = this.#state === 'resuming';
    if (isFirst && (sequence !== resumes || fields.length !== headerFields)) return 'no resume frame where one is due';
    if (!(isFirst || isCount(sequence)) || !isCount(received) || !isCount(settled) || !isCount(granted)) {
      return 'a frame whose counts are not whole numbers';
    }
    if (typeof asks !== 'boolean') return 'a frame that neither asks for counts nor does not';
    if (!isFirst && sequence !== this.#received) return `frame ${sequence} where ${this.#received} was next`;
    const carried = this.#carried;
    if (received < this.#acknowledged || received > carried) return `received: ${received} of ${carried} sent`;
    if (settled < this.#settledThere || settled > received) return `settled: ${settled} of ${received} received`;
    if (granted < this.#granted) return `granted: ${granted} after ${this.#granted}`;
    this.#acknowledged = received;
    this.#settledThere = settled;
    this.#granted = granted;
    for (let frame = this.#retained.peek(); frame !== undefined; frame = this.#retained.peek()) {
      if (frame.sequence + frame.count > received) break;
      if (!this.#isStrict) this.#flightBytes -= frame.bytes;
      if (frame.piece !== undefined) this.#pieceBytes -= frame.bytes;
      this.#retained.shift();
    }
    for (let oldest = this.#unsettled.peek(); oldest !== undefined; oldest = this.#unsettled.peek()) {
      if (oldest[0] > settled) break;
      this.#flightBytes -= oldest[1];
      this.#unsettled.shift();
    }
    const next = this.#retained.peek();
    // A frame is received as a whole.
    if (next !== undefined && next.sequence < received) return `received: ${received}, amid a frame`;
    if (isFirst) this.#resumed();
    return undefined;
  }

  /** How many messages the next frame may hold, where that is bounded: who reads them looks before it takes any. */
  get allowance(): number {
    return this.#isStrict ? this.#promised - this.#received : Number.POSITIVE_INFINITY;
  }

  /** So many received items have been handled or dead-lettered. */
  settle(count: number): void {
    this.#settled += count;
    // Nothing else may tell the other side, where it is handled long after it came.
    if (this.#idle === undefined) this.#keepIdleTimer();
    if (this.#owesGrant) this.#makeReady();
  }

  // ── from one carrier to the next ──

  /** The carrier is gone, and another may come: nothing is sent until then. */
  suspend(): void {
    if (this.#ended || this.#state === 'suspended') return;
    this.#state = 'suspended';
    this.#idle?.();
    this.#idle = undefined;
    this.#carrier = nowhere;
    this.#carrierFull = false;
    // What was still to be sent again was sent after what is retained.
    for (let frame = this.#again.shift(); frame !== undefined; frame = this.#again.shift()) this.#retained.push(frame);
  }

  /** Goes over this carrier from the start, since nothing went over any before. */
  startOn(carrier: Carrier): void {
    if (this.#ended || this.#broken !== undefined) return;
    this.#state = 'open';
    this.#carrier = carrier;
    this.#makeReady();
  }

  /** Goes on over another carrier, once the other side has said there what it has received. */
  resume(carrier: Carrier): void {
    this.suspend();
    if (this.#ended || this.#broken !== undefined) return;
    this.#state = 'resuming';
    this.#carrier = carrier;
    const fields: unknown[] = [0, 0, 0, 0, false];
    this.#stamp(fields, resumes);
    this.#carry(this.#options.codec.pack(fields));
  }

  /** What is retained now did not get there. */
  #resumed(): void {
    this.#state = 'open';
    for (let frame = this.#retained.shift(); frame !== undefined; frame = this.#retained.shift())
      this.#again.push(frame);
    this.#makeReady();
  }

  // ── the end ──

  /** Ends the session, since the other place is lost or this one leaves. Gives what was not settled. */
  end(): Unsettled {
    if (this.#ended) return { unacknowledged: [], unsent: [], received: 0 };
    this.#ended = true;
    this.#idle?.();
    const unacknowledged: (readonly unknown[])[] = [];
    for (const frames of [this.#retained, this.#again]) {
      for (let frame = frames.shift(); frame !== undefined; frame = frames.shift()) {
        unacknowledged.push(...frame.items());
      }
    }
    if (this.#open.count > 0) this.#sealed.push(this.#open);
    const unsent: (readonly unknown[])[] = [];
    for (let frame = this.#sealed.shift(); frame !== undefined; frame = this.#sealed.shift())
      unsent.push(...frame.items());
    unsent.push(...(this.#large?.end() ?? []));
    this.#wakeRoomWaiters();
    this.#wake(this.#laneWaiters.splice(0));
    return { unacknowledged, unsent, received: this.#acknowledged - this.#settledThere };
  }

  #wakeRoomWaiters(): void {
    this.#wake(this.#roomWaiters.splice(0));
  }

  #wake(waiters: readonly (() => void)[]): void {
    for (const wake of waiters) wake();
  }
}

function halves(frame: Frame, cut: SessionOptions['cut']): readonly Frame[] {
  const middle = frame.count >> 1;
  const first = new Frame();
  const second = new Frame();
  const put = (half: Frame, item: readonly unknown[], messages: number, bytes: number | undefined): void => {
    half.begin(messages);
    if (bytes !== undefined) half.weigh(bytes);
    for (const field of item) half.fields.push(field);
  };
  for (const [index, messages] of frame.messages.entries()) {
    const item = frame.item(index);
    const bytes = frame.weights?.get(index);
    const room = middle - first.count;
    if (messages <= room) put(first, item, messages, bytes);
    else if (room <= 0) put(second, item, messages, bytes);
    else {
      // What has large bytes is one message, and not cut.
      const [before, after] = cut(item, room);
      put(first, before, room, undefined);
      put(second, after, messages - room, undefined);
    }
  }
  return [first, second];
}

/** In place of a carrier while there is none. */
const nowhere: Carrier = { send: () => true, drained: () => Promise.resolve() };

function between(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
