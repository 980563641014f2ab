import type { Journal, JournalEvent } from '#journal/types';
import type { ExportEncoder } from '#projections/export/encode';
import type { ExportRow, WrittenPart } from '#projections/export/export-row';
import { MAX_PAGE_ROWS } from '#projections/history/history-index';
import type { HistoryIndex, HistoryRow, HistorySearch } from '#projections/history/history-index';

/** Bytes of a part before it is compressed, but for the events that are read at a time: what is held in memory. */
const PART_BYTES = 4 * 2 ** 20;
/** Records at a time until it is known how large they are: at 1 MB each they are 16 MB. */
const FIRST_READ = 16;

export interface GatherParts {
  readonly history: Pick<HistoryIndex, 'search'>;
  readonly journal: Pick<Journal, 'get'>;
  /** Bytes of a part before it is compressed; 4 MB unless told. */
  readonly partBytes?: number;
}

/** The next part of a file, not compressed. */
export interface Gathered extends Omit<WrittenPart, 'object' | 'bytes'> {
  readonly chunks: readonly Uint8Array[];
}

type Search = Pick<HistorySearch, 'filter' | 'accounts' | 'order'>;

/** Reads events from where the export is until a part is full. Events after the snapshot are passed over. */
export class Gatherer {
  readonly #parts: GatherParts;
  readonly #search: Search;
  readonly #encoder: ExportEncoder;
  readonly #end: number;
  readonly #partBytes: number;
  #readAtOnce = FIRST_READ;

  constructor(
    parts: GatherParts,
    search: Search,
    of: { readonly encoder: ExportEncoder; readonly end: number },
  ) {
    this.#parts = parts;
    this.#search = search;
    this.#encoder = of.encoder;
    this.#end = of.end;
    this.#partBytes = parts.partBytes ?? PART_BYTES;
  }

  async gather(from: Pick<ExportRow, 'cursor' | 'rows' | 'parts'>, signal: AbortSignal): Promise<Gathered> {
    const part = new PartInMaking(this.#encoder, from);
    let isLast = false;
    while (!isLast && part.bytes < this.#partBytes) {
      signal.throwIfAborted();
      const after = part.cursor ?? from.cursor;
      const page = await this.#parts.history.search({ ...this.#search, after, limit: MAX_PAGE_ROWS });
      isLast = !page.hasMore;
      const read = await this.#addRows(part, page.rows, signal);
      // A part that is full in the middle of a page goes on behind its last event.
      if (read < page.rows.length) isLast = false;
    }
    return part.finish(isLast);
  }

  /** How many of the rows the part took. */
  async #addRows(part: PartInMaking, rows: readonly HistoryRow[], signal: AbortSignal): Promise<number> {
    let done = 0;
    while (done < rows.length && part.bytes < this.#partBytes) {
      signal.throwIfAborted();
      const batch = rows.slice(done, done + (this.#encoder.needsRaw ? this.#readAtOnce : rows.length));
      const shown = batch.filter(({ place }) => place.position < this.#end);
      const raws = this.#encoder.needsRaw ? await this.#read(shown) : undefined;
      for (const [index, row] of shown.entries()) {
        const raw = raws?.[index];
        // Erased since the index was asked.
        if (raws === undefined || raw !== undefined) part.add(row, raw);
      }
      part.cursor = batch.at(-1)?.cursor;
      done += batch.length;
    }
    return done;
  }

  async #read(rows: readonly HistoryRow[]): Promise<readonly (Buffer | undefined)[]> {
    const events = await this.#parts.journal.get(rows.map(({ place }) => place));
    const raws = events.map((event, index) => (isEventOf(event, rows[index]) ? event?.raw : undefined));
    const bytes = raws.reduce((sum, raw) => sum + (raw?.length ?? 0), 0);
    if (bytes > 0) {
      const fitting = Math.floor((this.#partBytes * rows.length) / bytes);
      this.#readAtOnce = Math.min(MAX_PAGE_ROWS, Math.max(FIRST_READ, fitting));
    }
    return raws;
  }
}

/** An index that is older than a restored journal may name a place that holds another event by now. */
function isEventOf(event: JournalEvent | undefined, row: HistoryRow | undefined): boolean {
  return event !== undefined && event.account === row?.account && event.eventId === row.eventId;
}

class PartInMaking {
  bytes = 0;
  /** The last event that was looked at. */
  cursor: HistoryRow['cursor'] | undefined;
  readonly #chunks: Uint8Array[] = [];
  readonly #accounts = new Map<string, number>();
  readonly #encoder: ExportEncoder;
  readonly #rowsBefore: number;
  #rows = 0;
  #firstTime: number | undefined;
  #lastTime: number | undefined;

  constructor(encoder: ExportEncoder, before: Pick<ExportRow, 'rows' | 'parts'>) {
    this.#encoder = encoder;
    this.#rowsBefore = before.rows;
    if (before.parts === 0) this.#push(Buffer.from(encoder.head));
  }

  add(row: HistoryRow, raw: Buffer | undefined): void {
    for (const chunk of this.#encoder.row(row, raw, this.#rowsBefore + this.#rows === 0)) this.#push(chunk);
    const { account, eventTime } = row;
    this.#rows += 1;
    this.#accounts.set(account, Math.min(eventTime, this.#accounts.get(account) ?? eventTime));
    this.#firstTime = Math.min(eventTime, this.#firstTime ?? eventTime);
    this.#lastTime = Math.max(eventTime, this.#lastTime ?? eventTime);
  }

  finish(isLast: boolean): Gathered {
    if (isLast) this.#push(Buffer.from(this.#encoder.foot));
    return {
      chunks: this.#chunks,
      rows: this.#rows,
      cursor: this.cursor,
      isLast,
      firstTime: this.#firstTime,
      lastTime: this.#lastTime,
      accounts: this.#accounts,
    };
  }

  #push(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    this.#chunks.push(chunk);
  }
}
