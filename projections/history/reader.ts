import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { EventFilter } from '#domain/filter/filter';
import { resourceIds } from '#projections/history/entry';
import type { HistoryCursor } from '#projections/history/history-index';
import { isColumnField, planOf, type Plan } from '#projections/history/plan';
import { firstRowidOf, MAX_PROBES, rowidOf, secondOf, SLOTS } from '#projections/history/rowid';
import type { Span } from '#projections/history/spans';
import { queryOf, spansOf } from '#projections/history/spans';
import { COLUMN_OF } from '#projections/history/tables';
import { shownText } from '#projections/history/values';

export type Row = Record<string, unknown>;
export type Direction = 'ASC' | 'DESC';

/** Texts kept in memory; entries never change their meaning. */
const CACHE_ENTRIES = 50_000;
const CACHE_TEXT_CHARS = 256;
/** Values that one filter may look up as terms: each costs some 15 microseconds to open. */
const TERM_BUDGET = 2_000;

/** A reading connection's questions. Bounds go through CAST: FTS5 ignores a bound that is no integer. */
export class IndexReader {
  readonly db: DatabaseSync;
  readonly #termBudget: number;
  readonly #text: StatementSync;
  readonly #probe: StatementSync;
  readonly #slot: StatementSync;
  readonly #walks = new Map<string, StatementSync>();
  readonly #texts = new Map<number, string>();

  constructor(db: DatabaseSync, termBudget = TERM_BUDGET) {
    this.db = db;
    this.#termBudget = termBudget;
    this.#text = db.prepare('SELECT text FROM value WHERE id = ?');
    this.#probe = db.prepare('SELECT 1 FROM term WHERE term MATCH ? AND rowid = CAST(? AS INTEGER)');
    this.#slot = db.prepare('SELECT id FROM event WHERE id >= ? AND id < ? AND position = ?');
  }

  /** The ranges of rows in which the filter can match, in ascending order of time. */
  spans(filter: EventFilter): Span[] {
    return spansOf(planOf(this.db, filter, this.#termBudget));
  }

  /** The next rows of the span, from the end that the direction begins at. */
  rows({ query, first, last }: Span, direction: Direction, limit: number): Row[] {
    const statement = this.#walk(query !== undefined, direction);
    return query === undefined ? statement.all(first, last, limit) : statement.all(query, first, last, limit);
  }

  textOf(id: number): string {
    const known = this.#texts.get(id);
    if (known !== undefined) return known;
    const text = shownText(this.#text.get(id)?.['text']);
    if (text.length <= CACHE_TEXT_CHARS) {
      if (this.#texts.size >= CACHE_ENTRIES) this.#texts.clear();
      this.#texts.set(id, text);
    }
    return text;
  }

  /** Where the cursor's event lies, or would lie. */
  rowidAt(cursor: HistoryCursor): number {
    const slot = rowidOf(cursor);
    const start = firstRowidOf(cursor.second);
    const found =
      this.#slot.get(slot, Math.min(slot + MAX_PROBES, start + SLOTS), cursor.position) ??
      this.#slot.get(start, slot + MAX_PROBES - SLOTS, cursor.position);
    return found === undefined ? slot : Number(found['id']);
  }

  /** Whether the row passes what the full-text table has not decided. */
  passes(plan: Plan, row: Row): boolean {
    switch (plan.kind) {
      case 'and':
        return plan.parts.every((part) => this.passes(part, row));
      case 'or':
        return plan.parts.some((part) => this.passes(part, row));
      case 'not':
        return !this.passes(plan.part, row);
      case 'time': {
        const time = millisecondsOf(row);
        return plan.from <= time && time < plan.to;
      }
      case 'values':
        return this.#valuesOf(plan.field, row).some((id) => id !== undefined && plan.fits(this.textOf(id)));
      case 'term':
        return this.#probe.get(queryOf(plan) ?? '', Number(row['id'])) !== undefined;
      default:
        return plan.kind === 'all';
    }
  }

  #valuesOf(field: Extract<Plan, { kind: 'values' }>['field'], row: Row): (number | undefined)[] {
    if (isColumnField(field)) return [numberOrNone(row[COLUMN_OF[field]])];
    const part = RESOURCE_PARTS.indexOf(field);
    return resourceIds(row['resources']).map((resource) => resource[part]);
  }

  #walk(matching: boolean, direction: Direction): StatementSync {
    const name = `${matching}/${direction}`;
    let statement = this.#walks.get(name);
    if (statement === undefined) {
      const source = matching
        ? 'term t CROSS JOIN event e ON e.id = t.rowid WHERE t.term MATCH ? AND t.rowid'
        : 'event e WHERE e.id';
      const order = matching ? 't.rowid' : 'e.id';
      statement = this.db.prepare(
        `SELECT e.* FROM ${source} BETWEEN CAST(? AS INTEGER) AND CAST(? AS INTEGER)
         ORDER BY ${order} ${direction} LIMIT ?`,
      );
      this.#walks.set(name, statement);
    }
    return statement;
  }
}

/** In the order of a resource's entries. */
export const RESOURCE_PARTS: readonly string[] = ['resourceType', 'resourceName', 'resourceArn'];

export function numberOrNone(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

export function millisecondsOf(row: Row): number {
  return secondOf(Number(row['id'])) * 1000 + Number(row['millisecond']);
}
