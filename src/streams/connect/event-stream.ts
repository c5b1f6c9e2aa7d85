/**
 * Reads the format of server-sent events (HTML Standard, 9.2.6 "Interpreting an event stream") out of bytes as they come.
 * It holds one event at most.
 */
import { SourceFailed } from '../errors.ts';

/** One event. */
export interface ServerSentEvent {
  /** Its type: `message` unless the server says another. */
  readonly event: string;
  /** Its lines, joined by newlines. */
  readonly data: string;
  /** The last id that the server has given, with this event or before; empty where it has given none. */
  readonly id: string;
}

export class EventStream {
  readonly #bytesMax: number;
  readonly #utf8 = new TextDecoder('utf-8');
  /** The line that has not ended. */
  #line = '';
  #endedWithReturn = false;
  #data: string[] = [];
  #characters = 0;
  #event = '';
  /** What the server calls the last event, for going on behind it. */
  lastId: string;
  /** How long to wait before connecting again, where the server has said so. */
  retryMs: number | undefined;

  constructor(lastId: string, bytesMax: number) {
    this.lastId = lastId;
    this.#bytesMax = bytesMax;
  }

  /** @throws SourceFailed `row` for an event that is too long */
  push(bytes: Uint8Array): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    let text = this.#utf8.decode(bytes, { stream: true });
    if (text === '') return events;
    // The LF of a CRLF that two chunks share.
    if (this.#endedWithReturn && text.startsWith('\n')) text = text.slice(1);
    this.#endedWithReturn = text.endsWith('\r');
    const lines = text.split(/\r\n|\n|\r/);
    for (let index = 0; index < lines.length - 1; index += 1) {
      const event = this.#take(this.#line + lines[index]);
      this.#line = '';
      if (event !== undefined) events.push(event);
    }
    this.#line += lines.at(-1);
    this.#checkSize(this.#line.length);
    return events;
  }

  #take(line: string): ServerSentEvent | undefined {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    switch (field) {
      case 'data':
        this.#characters += value.length + 1;
        this.#checkSize(0);
        this.#data.push(value);
        return undefined;
      case 'event':
        this.#event = value;
        return undefined;
      case 'id':
        if (!value.includes('\0')) this.lastId = value;
        return undefined;
      case 'retry':
        if (/^\d{1,9}$/.test(value)) this.retryMs = Number(value);
        return undefined;
      default:
        // A comment, or a field that the standard does not know.
        return undefined;
    }
  }

  #dispatch(): ServerSentEvent | undefined {
    const event = { event: this.#event === '' ? 'message' : this.#event, data: this.#data.join('\n'), id: this.lastId };
    const isEmpty = this.#data.length === 0;
    this.#data = [];
    this.#characters = 0;
    this.#event = '';
    return isEmpty ? undefined : event;
  }

  #checkSize(more: number): void {
    if (this.#characters + more <= this.#bytesMax) return;
    throw new SourceFailed(
      'row',
      `an event of the stream is longer than ${this.#bytesMax} characters; send smaller ones`,
    );
  }
}
