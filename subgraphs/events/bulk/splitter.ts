import { outside, skipNested, skipString, type Nesting } from '#subgraphs/events/bulk/nesting';
import { Window } from '#subgraphs/events/bulk/window';

/** One element of a body, its bytes exactly as received. */
export interface Cut {
  /**
   * `event`: to be parsed. `digest`: a CloudTrail digest file, which holds no events. `too-large`: an event over
   * the limit, its bytes dropped. `truncated`: the body ended inside this event.
   */
  readonly kind: 'event' | 'digest' | 'too-large' | 'truncated';
  readonly bytes: Buffer;
}

/** Why a body could not be read to its end. */
export interface SplitFault {
  readonly message: string;
  /** Offset of the byte, counted after decompression. */
  readonly offset: number;
}

export interface SplitterOptions {
  /** Bytes of one event; a larger one is passed over and reported. */
  readonly maxEventBytes: number;
  /** The body is known to be NDJSON: every line is an event of its own, whatever the first one looks like. */
  readonly lines?: boolean;
}

type Mode = 'start' | 'lines' | 'top' | 'object' | 'elements' | 'element' | 'scalar' | 'fault';

const LF = 0x0a;
const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const NOTHING = Buffer.alloc(0);
const LONGEST_KEY = 'digestStartTime'.length;

const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === LF || byte === 0x0d || byte === 0x09;

/**
 * Cuts a body into the exact bytes of its events, in memory that does not grow with the body: NDJSON, a JSON
 * array, CloudTrail's `{"Records": [...]}` (wherever `Records` stands in the object; other members are passed
 * over), several of these one after another, or one event alone. Nothing is parsed: a broken event among NDJSON
 * lines or array elements costs only itself.
 */
export class Splitter {
  private readonly window = new Window();
  private mode: Mode;
  private nesting: Nesting = outside();
  private cuts: Cut[] = [];
  private failure: SplitFault | undefined;
  private first = true;
  /** The first value was an event on one line: if a line break follows, the rest is NDJSON. */
  private oneLine = false;
  private inEnvelope = false;
  private isEnvelope = false;
  private isDigest = false;
  private key = '';
  private afterColon = false;
  private oversize = false;

  constructor(private readonly options: SplitterOptions) {
    this.mode = options.lines === true ? 'lines' : 'start';
  }

  /** Undefined while the body can be read on. */
  get fault(): SplitFault | undefined {
    return this.failure;
  }

  /** The elements that this chunk completes. The chunk must not be overwritten afterwards. */
  push(chunk: Buffer): readonly Cut[] {
    this.window.append(chunk);
    this.run();
    return this.take();
  }

  /** What is left when the body has ended. */
  end(): readonly Cut[] {
    const { mode, window } = this;
    if (mode === 'lines') this.endLine(window.end);
    else if (mode === 'element' || (mode === 'object' && !this.isEnvelope)) this.emit('truncated', NOTHING);
    else if (mode === 'scalar') this.finish(window.end);
    if (mode === 'elements' || mode === 'element' || mode === 'object' || mode === 'scalar') {
      this.fail('The body ends before its JSON does.');
    }
    return this.take();
  }

  private take(): readonly Cut[] {
    const { cuts } = this;
    this.cuts = [];
    return cuts;
  }

  private run(): void {
    const { window } = this;
    let progress = true;
    while (progress && window.position < window.end) progress = this.step();
    const tooLong = window.start !== -1 && window.end - window.start > this.options.maxEventBytes;
    if (tooLong) this.drop();
  }

  /** One move of the machine; false when it needs more bytes or can do nothing more. */
  private step(): boolean {
    switch (this.mode) {
      case 'start':
        return this.begin();
      case 'lines':
        return this.nextLine();
      case 'top':
        return this.nextValue();
      case 'object':
        return this.scanObject();
      case 'elements':
        return this.nextElement();
      case 'element':
        if (!skipNested(this.window, this.nesting)) return false;
        return this.finish(this.window.position);
      case 'scalar':
        return this.scanScalar();
      case 'fault':
        this.window.position = this.window.end;
        return false;
    }
  }

  private begin(): boolean {
    const { window } = this;
    const byte = window.bytes[window.position];
    const mark = window.offset < 3 && byte === BYTE_ORDER_MARK[window.offset];
    if (mark || isSpace(byte)) {
      window.position += 1;
      return true;
    }
    this.mode = byte === OPEN_BRACE || byte === OPEN_BRACKET ? 'top' : 'lines';
    return true;
  }

  private nextLine(): boolean {
    const { window } = this;
    if (window.start === -1 && !this.oversize) window.start = window.position;
    const index = window.filled.indexOf(LF, window.position);
    if (index === -1) {
      window.position = window.end;
      return false;
    }
    this.endLine(index);
    window.position = index + 1;
    return true;
  }

  private endLine(end: number): void {
    const { window } = this;
    if (window.start === -1 && !this.oversize) return;
    let to = end;
    while (window.start !== -1 && to > window.start && isSpace(window.bytes[to - 1])) to -= 1;
    while (window.start !== -1 && window.start < to && isSpace(window.bytes[window.start])) window.start += 1;
    if (window.start === to) window.start = -1;
    else this.finish(to);
  }

  private nextValue(): boolean {
    const { window } = this;
    const byte = window.bytes[window.position];
    if (byte === OPEN_BRACE) {
      this.openObject();
    } else if (byte === OPEN_BRACKET) {
      this.mode = 'elements';
      this.inEnvelope = false;
    } else if (!isSpace(byte)) {
      return this.fail('Expected "{" or "[" at the beginning of a JSON value.');
    } else if (byte === LF && this.oneLine) {
      this.mode = 'lines';
    }
    window.position += 1;
    return true;
  }

  private openObject(): void {
    this.oneLine = false;
    this.mode = 'object';
    this.window.start = this.window.position;
    this.nesting = { depth: 1, inString: false, escaped: false };
    this.isEnvelope = false;
    this.isDigest = false;
    this.afterColon = false;
    this.key = '';
  }

  /** A top-level object: an event, or what holds events in its member `Records`. */
  private scanObject(): boolean {
    const { window, nesting } = this;
    while (window.position < window.end) {
      if (nesting.depth > 1) {
        if (!this.skipMember()) return false;
        continue;
      }
      if (nesting.inString) {
        if (this.scanKey()) return true;
        continue;
      }
      const byte = window.bytes[window.position] ?? 0;
      window.position += 1;
      if (this.onMember(byte)) return true;
    }
    return false;
  }

  private onMember(byte: number): boolean {
    const { window, nesting } = this;
    if (isSpace(byte)) return false;
    const named = this.afterColon ? this.key : '';
    this.afterColon = byte === COLON;
    if (byte === QUOTE) {
      nesting.inString = true;
      this.key = '';
    } else if (byte === COLON && this.key === 'digestStartTime') {
      this.isDigest = true;
    } else if (byte === OPEN_BRACKET && named === 'Records') {
      return this.openEnvelope();
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      nesting.depth = 2;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      nesting.depth = 0;
      return this.closeObject(window.position);
    }
    return false;
  }

  private openEnvelope(): boolean {
    this.isEnvelope = true;
    this.inEnvelope = true;
    this.oversize = false;
    this.window.start = -1;
    this.mode = 'elements';
    return true;
  }

  private closeObject(end: number): boolean {
    const { first } = this;
    this.first = false;
    this.mode = 'top';
    if (this.isEnvelope || this.isDigest) {
      if (this.isDigest && !this.isEnvelope) this.emit('digest', NOTHING);
      this.window.start = -1;
      this.oversize = false;
      return true;
    }
    const { bytes, start } = this.window;
    this.oneLine = first && start !== -1 && !bytes.subarray(start, end).includes(LF);
    return this.finish(end);
  }

  /** Passes over a nested member of a top-level object; true when it is behind us. */
  private skipMember(): boolean {
    this.nesting.depth -= 1;
    const found = skipNested(this.window, this.nesting);
    this.nesting.depth += 1;
    return found;
  }

  /** A string right inside the top-level object: a name, or a value. True when the mode has changed. */
  private scanKey(): boolean {
    const { window, nesting } = this;
    const from = window.position;
    const to = skipString(window, nesting, from);
    const text = nesting.inString ? to : to - 1;
    if (this.first && this.window.start !== -1) {
      const index = window.bytes.subarray(from, text).indexOf(LF);
      if (index !== -1) return this.fallBackToLines();
    }
    if (this.key.length <= LONGEST_KEY) {
      this.key += window.bytes.toString('latin1', from, Math.min(text, from + LONGEST_KEY + 1));
    }
    window.position = to;
    return false;
  }

  /** A string cannot go over a line's end: the first line is broken, the others may not be. */
  private fallBackToLines(): boolean {
    const { window } = this;
    this.mode = 'lines';
    this.first = false;
    window.position = window.start;
    return true;
  }

  private nextElement(): boolean {
    const { window } = this;
    const byte = window.bytes[window.position];
    if (byte === COMMA || isSpace(byte)) {
      window.position += 1;
      return true;
    }
    if (byte === CLOSE_BRACKET) return this.closeElements();
    if (byte === CLOSE_BRACE || byte === COLON) return this.fail('Expected an event, "," or "]".');
    window.start = window.position;
    this.nesting = outside();
    this.mode = byte === OPEN_BRACE || byte === OPEN_BRACKET ? 'element' : 'scalar';
    return true;
  }

  private closeElements(): boolean {
    this.window.position += 1;
    this.first = false;
    this.mode = this.inEnvelope ? 'object' : 'top';
    this.nesting = { depth: this.inEnvelope ? 1 : 0, inString: false, escaped: false };
    return true;
  }

  /** An element that is no object: cut out like the others, so that it is counted and refused. */
  private scanScalar(): boolean {
    const { window, nesting } = this;
    while (window.position < window.end) {
      if (nesting.inString) {
        window.position = skipString(window, nesting, window.position);
        continue;
      }
      const byte = window.bytes[window.position];
      if (byte === COMMA || byte === CLOSE_BRACKET || isSpace(byte)) return this.finish(window.position);
      if (byte === QUOTE) nesting.inString = true;
      window.position += 1;
    }
    return false;
  }

  private finish(end: number): boolean {
    const { window } = this;
    if (this.mode === 'element' || this.mode === 'scalar') this.mode = 'elements';
    if (this.oversize || end - window.start > this.options.maxEventBytes) {
      window.start = -1;
      this.oversize = false;
      this.emit('too-large', NOTHING);
    } else this.emit('event', window.cut(end));
    return true;
  }

  private drop(): void {
    this.oversize = true;
    this.window.start = -1;
  }

  private emit(kind: Cut['kind'], bytes: Buffer): void {
    this.cuts.push({ kind, bytes });
  }

  private fail(message: string): boolean {
    this.failure = { message, offset: this.window.offset };
    this.mode = 'fault';
    return false;
  }
}
