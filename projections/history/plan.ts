import type { DatabaseSync } from 'node:sqlite';
import type { EventFilter, FilterField } from '#domain/filter/filter';
import { contains, hexPrefixes, parseIp, parseNetwork } from '#domain/filter/ip';
import { simplify } from '#domain/filter/simplify';
import { COLUMN_OF, FIELD_CODE, type ColumnField } from '#projections/history/tables';
import {
  eventIdPrefixQuery,
  eventIdQuery,
  presenceTerm,
  quoted,
  valueTerm,
  wordQuery,
} from '#projections/history/terms';
import { addressKey, shownText, storedText } from '#projections/history/values';

/** A filter over this index: its values are looked up, and what is left is terms, numbers and times. */
export type Plan =
  | { readonly kind: 'all' | 'none' }
  /** A query of the full-text table, complete in itself. */
  | { readonly kind: 'term'; readonly query: string }
  /** So many values fit that each row is looked at instead. */
  | { readonly kind: 'values'; readonly field: FilterField; readonly fits: (text: string) => boolean }
  /** Milliseconds since 1970; from <= eventTime < to. */
  | { readonly kind: 'time'; readonly from: number; readonly to: number }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Plan[] }
  | { readonly kind: 'not'; readonly part: Plan };

/**
 * Looks the filter's values up; at most `termBudget` of them become terms, the rest is checked row by row.
 */
export function planOf(db: DatabaseSync, filter: EventFilter, termBudget: number): Plan {
  return new Planner(db, termBudget).plan(simplify(filter));
}

class Planner {
  readonly #db: DatabaseSync;
  #budget: number;

  constructor(db: DatabaseSync, termBudget: number) {
    this.#db = db;
    this.#budget = termBudget;
  }

  plan(filter: EventFilter): Plan {
    switch (filter.kind) {
      case 'all':
        return { kind: 'all' };
      case 'and':
      case 'or':
        return { kind: filter.kind, parts: filter.filters.map((inner) => this.plan(inner)) };
      case 'not':
        return { kind: 'not', part: this.plan(filter.filter) };
      case 'time':
        return { kind: 'time', from: filter.from ?? -Infinity, to: filter.to ?? Infinity };
      case 'words':
        return { kind: 'term', query: joined(' AND ', filter.words.map(wordQuery)) };
      case 'exists':
        return presence(filter.field);
      case 'in':
        return this.#in(filter.field, filter.values);
      case 'prefix':
        return this.#prefix(filter.field, filter.value);
      case 'cidr':
        return this.#network(filter.network);
    }
  }

  #in(field: FilterField, values: readonly string[]): Plan {
    if (field === 'eventId') return { kind: 'term', query: joined(' OR ', values.map(eventIdQuery)) };
    const find = this.#db.prepare('SELECT id FROM value WHERE field = ? AND text = ?');
    const ids = values
      .map((value) => find.get(FIELD_CODE[field], storedText(value))?.['id'])
      .filter((id) => id !== undefined)
      .map(Number);
    const wanted = new Set(values);
    return this.#values(ids, field, (text) => wanted.has(text));
  }

  #prefix(field: FilterField, prefix: string): Plan {
    if (field === 'eventId') return { kind: 'term', query: eventIdPrefixQuery(prefix) };
    const fits = (text: string): boolean => text.startsWith(prefix);
    const rows = [...this.#wellFormedFrom(field, prefix), ...this.#illFormed(field)];
    // They may have been cut short before some that fit.
    if (rows.length > this.#budget) return { kind: 'values', field, fits };
    const ids = rows.filter((row) => fits(shownText(row['text']))).map((row) => Number(row['id']));
    return this.#values(ids, field, fits);
  }

  #wellFormedFrom(field: FilterField, prefix: string): Record<string, unknown>[] {
    // It may end between the halves of a pair: then the texts with the whole head are looked through.
    const head = prefix.isWellFormed() ? prefix : prefix.slice(0, -1);
    if (!head.isWellFormed()) return [];
    const end = successor(head);
    const upper = end === undefined ? '' : ' AND text < ?';
    // Without an upper bound the bytes of ill-formed texts would follow.
    return this.#db
      .prepare(
        `SELECT id, text FROM value WHERE field = ? AND text >= ?${upper} AND typeof(text) = 'text' LIMIT ?`,
      )
      .all(FIELD_CODE[field], head, ...(end === undefined ? [] : [end]), this.#budget + 1);
  }

  /** Texts with lone surrogates lie behind all others, in no useful order; nobody but an attacker has many. */
  #illFormed(field: FilterField): Record<string, unknown>[] {
    return this.#db
      .prepare("SELECT id, text FROM value WHERE field = ? AND text >= x'' LIMIT ?")
      .all(FIELD_CODE[field], this.#budget + 1);
  }

  #network(network: string): Plan {
    const range = parseNetwork(network);
    if (range === undefined) return { kind: 'none' };
    const find = this.#db.prepare('SELECT id FROM value WHERE addr >= ? AND addr < ? LIMIT ?');
    const ids = hexPrefixes(range).flatMap((digits) => {
      const start = addressKey(digits, range.first.length);
      // 'g' follows the last hexadecimal digit.
      return find.all(start, `${start}g`, this.#budget + 1).map((row) => Number(row['id']));
    });
    return this.#values(ids, 'sourceIPAddress', (text) => {
      const address = parseIp(text);
      return address !== undefined && contains(range, address);
    });
  }

  /** `ids` may be cut short when there are more than the budget. */
  #values(ids: readonly number[], field: FilterField, fits: (text: string) => boolean): Plan {
    if (ids.length === 0) return { kind: 'none' };
    if (ids.length > this.#budget) return { kind: 'values', field, fits };
    this.#budget -= ids.length;
    return {
      kind: 'term',
      query: joined(
        ' OR ',
        ids.map((id) => quoted(valueTerm(id))),
      ),
    };
  }
}

function presence(field: FilterField): Plan {
  const { term, present } = presenceTerm(field, FIELD_CODE[field]);
  const plan: Plan = { kind: 'term', query: quoted(term) };
  return present ? plan : { kind: 'not', part: plan };
}

export function joined(operator: ' AND ' | ' OR ', queries: readonly string[]): string {
  return queries.length === 1 ? (queries[0] ?? '') : `(${queries.join(operator)})`;
}

/** The least text that follows all texts with the prefix, by code points (as UTF-8 sorts); undefined = none. */
function successor(prefix: string): string | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue;
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}

export function isColumnField(field: FilterField): field is ColumnField {
  return field in COLUMN_OF;
}
