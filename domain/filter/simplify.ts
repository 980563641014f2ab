import type { EventFilter } from '#domain/filter/filter';
import { ALWAYS_PRESENT } from '#domain/filter/tokens';

export const ALL: EventFilter = { kind: 'all' };
const NONE: EventFilter = { kind: 'not', filter: ALL };

export interface TimeRange {
  /** Milliseconds since 1970; from <= eventTime < to. */
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/**
 * The same filter with less to do: nested and/or flattened, constants folded, double negation gone, and an
 * `and`'s time ranges made one. Matches exactly what the given one does.
 */
export function simplify(filter: EventFilter): EventFilter {
  switch (filter.kind) {
    case 'and':
      return simplifyAnd(filter.filters);
    case 'or':
      return simplifyOr(filter.filters);
    case 'not': {
      const inner = simplify(filter.filter);
      return inner.kind === 'not' ? inner.filter : { kind: 'not', filter: inner };
    }
    case 'in':
      return filter.values.length === 0 ? NONE : { ...filter, values: [...new Set(filter.values)] };
    case 'exists':
      return ALWAYS_PRESENT.includes(filter.field) ? ALL : filter;
    case 'time':
      return simplifyTime(filter);
    case 'words':
      return filter.words.length === 0 ? ALL : { ...filter, words: [...new Set(filter.words)] };
    case 'prefix':
      return filter.value === '' ? simplify({ kind: 'exists', field: filter.field }) : filter;
    default:
      return filter;
  }
}

export function isAll(filter: EventFilter): boolean {
  return filter.kind === 'all';
}

export function isNone(filter: EventFilter): boolean {
  return filter.kind === 'not' && filter.filter.kind === 'all';
}

/** The range outside of which a simplified filter matches nothing, and what remains to be checked inside. */
export function splitTime(filter: EventFilter): { readonly range: TimeRange; readonly rest: EventFilter } {
  if (filter.kind === 'time') return { range: filter, rest: ALL };
  if (filter.kind !== 'and') return { range: { from: undefined, to: undefined }, rest: filter };
  const range = filter.filters.find((inner) => inner.kind === 'time') ?? { from: undefined, to: undefined };
  return { range, rest: simplifyAnd(filter.filters.filter((inner) => inner.kind !== 'time')) };
}

function simplifyAnd(filters: readonly EventFilter[]): EventFilter {
  const flat: readonly EventFilter[] = filters
    .map(simplify)
    .flatMap((inner) => (inner.kind === 'and' ? inner.filters : [inner]))
    .filter((inner) => !isAll(inner));
  const times = flat.filter((inner) => inner.kind === 'time');
  const parts: EventFilter[] = flat.filter((inner) => inner.kind !== 'time');
  if (times.length > 0) parts.unshift(simplifyTime(intersection(times)));
  if (parts.some(isNone)) return NONE;
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : joined('and', parts);
}

function simplifyOr(filters: readonly EventFilter[]): EventFilter {
  const parts: readonly EventFilter[] = filters
    .map(simplify)
    .flatMap((inner) => (inner.kind === 'or' ? inner.filters : [inner]))
    .filter((inner) => !isNone(inner));
  if (parts.some(isAll)) return ALL;
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : joined('or', parts);
}

function joined(kind: 'and' | 'or', parts: readonly EventFilter[]): EventFilter {
  if (parts.length > 0) return { kind, filters: parts };
  return kind === 'and' ? ALL : NONE;
}

function simplifyTime({ from, to }: TimeRange): EventFilter {
  if (from === undefined && to === undefined) return ALL;
  return from !== undefined && to !== undefined && from >= to ? NONE : { kind: 'time', from, to };
}

function intersection(ranges: readonly TimeRange[]): TimeRange {
  const froms = ranges.map(({ from }) => from).filter((from) => from !== undefined);
  const tos = ranges.map(({ to }) => to).filter((to) => to !== undefined);
  return {
    from: froms.length === 0 ? undefined : Math.max(...froms),
    to: tos.length === 0 ? undefined : Math.min(...tos),
  };
}
