import { CairnError } from '#domain/errors';
import type { FilterField } from '#domain/filter/filter';
import { resourceIds, shownEventId } from '#projections/history/entry';
import { MAX_BUCKETS, type HistoryCounts, type HistoryInterval } from '#projections/history/history-index';
import { isColumnField } from '#projections/history/plan';
import { RESOURCE_PARTS, type IndexReader } from '#projections/history/reader';
import { secondOf } from '#projections/history/rowid';
import { COLUMN_OF } from '#projections/history/tables';

/** What events are counted by: something that SQLite can group by, and what it means. */
export interface Tally {
  /** Column of `event`; undefined = the row's id is enough. */
  readonly column: string | undefined;
  /** SQL of the key, over `id` and `key` (the column). */
  readonly sql: string;
  keyOf(row: Record<string, unknown>): unknown;
  add(key: unknown, count: number): void;
}

/** Values that are counted apart; memory for some 50 MB. */
const MAX_DISTINCT = 200_000;
const DAY = 86_400;
const BUCKET_SECONDS: Readonly<Record<HistoryInterval, number>> = {
  MINUTE: 60,
  HOUR: 3_600,
  DAY,
  WEEK: DAY,
  MONTH: DAY,
};

export class TotalTally implements Tally {
  readonly column = undefined;
  readonly sql = '0';
  total = 0;

  keyOf(): number {
    return 0;
  }

  add(_key: unknown, count: number): void {
    this.total += count;
  }
}

export class BucketTally implements Tally {
  readonly column = undefined;
  readonly sql: string;
  readonly #interval: HistoryInterval;
  readonly #seconds: number;
  readonly #counts = new Map<number, number>();

  constructor(interval: HistoryInterval) {
    this.#interval = interval;
    this.#seconds = BUCKET_SECONDS[interval];
    // 22 bits of slot; event times are not negative, so that the division rounds down.
    this.sql = `((id >> 22) + ${secondOf(0)}) / ${this.#seconds}`;
  }

  keyOf(row: Record<string, unknown>): number {
    return Math.floor(secondOf(Number(row['id'])) / this.#seconds);
  }

  add(key: unknown, count: number): void {
    const start = this.#startOf(Number(key) * this.#seconds * 1000);
    this.#counts.set(start, (this.#counts.get(start) ?? 0) + count);
    if (this.#counts.size > MAX_BUCKETS) {
      throw new CairnError('LIMIT_EXCEEDED', `There are more than ${MAX_BUCKETS} intervals with events.`, {
        path: 'interval',
      });
    }
  }

  buckets(): HistoryCounts['buckets'] {
    return [...this.#counts]
      .map(([start, count]) => ({ start, count }))
      .toSorted((a, b) => a.start - b.start);
  }

  #startOf(time: number): number {
    const date = new Date(time);
    if (this.#interval === 'MONTH') return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
    const sinceMonday = this.#interval === 'WEEK' ? (date.getUTCDay() + 6) % 7 : 0;
    return time - sinceMonday * DAY * 1000;
  }
}

export class GroupTally implements Tally {
  readonly column: string;
  readonly sql = 'key';
  readonly #reader: IndexReader;
  readonly #field: FilterField;
  /** By the value's text, or by its number while texts are not needed; null = without the field. */
  readonly #counts = new Map<string | number | null, number>();

  constructor(reader: IndexReader, field: FilterField) {
    this.#reader = reader;
    this.#field = field;
    this.column = columnOf(field);
  }

  keyOf(row: Record<string, unknown>): unknown {
    return row[this.column];
  }

  add(key: unknown, count: number): void {
    for (const value of this.#valuesOf(key)) this.#counts.set(value, (this.#counts.get(value) ?? 0) + count);
    if (this.#counts.size > MAX_DISTINCT) {
      throw new CairnError(
        'LIMIT_EXCEEDED',
        `There are more than ${MAX_DISTINCT} values; narrow the filter.`,
        {
          path: 'groupBy',
        },
      );
    }
  }

  groups(top: number): Pick<HistoryCounts, 'groups' | 'moreGroups'> {
    const counts = [...this.#counts].toSorted(([, a], [, b]) => b - a);
    // Only what may be shown needs its text: all that count as much as the last one.
    const least = counts[Math.min(top, counts.length) - 1]?.[1] ?? 0;
    const groups = counts
      .filter(([, count]) => count >= least)
      .map(([value, count]) => ({ value: this.#textOf(value), count }))
      .toSorted((a, b) => b.count - a.count || compareText(a.value, b.value));
    return { groups: groups.slice(0, top), moreGroups: counts.length > top };
  }

  #valuesOf(key: unknown): readonly (string | number | null)[] {
    if (key === null) return [null];
    if (this.#field === 'eventId') return [shownEventId(key)];
    const part = RESOURCE_PARTS.indexOf(this.#field);
    if (part === -1) return [Number(key)];
    const resources = resourceIds(key);
    const values = resources.map((resource) => resource[part]).filter((value) => value !== undefined);
    return values.length === 0 ? [null] : [...new Set(values)];
  }

  #textOf(value: string | number | null): string | undefined {
    if (value === null) return undefined;
    return typeof value === 'string' ? value : this.#reader.textOf(value);
  }
}

function columnOf(field: FilterField): string {
  if (field === 'eventId') return 'event_id';
  return isColumnField(field) ? COLUMN_OF[field] : 'resources';
}

/** By UTF-16 units; what has no value comes last. */
function compareText(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
