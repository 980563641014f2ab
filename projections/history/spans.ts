import { joined, type Plan } from '#projections/history/plan';
import { firstRowidOf } from '#projections/history/rowid';
import { EVERY, quoted } from '#projections/history/terms';

/** A range of rows in which every time condition of a filter is settled, or is checked row by row. */
export interface Span {
  /** Inclusive, both. */
  readonly first: number;
  readonly last: number;
  /** Query of the full-text table for the candidates; undefined = every row. */
  readonly query: string | undefined;
  /** What a candidate must still pass; undefined = nothing. */
  readonly check: Plan | undefined;
}

const FIRST_ROWID = Number.MIN_SAFE_INTEGER;
const LAST_ROWID = Number.MAX_SAFE_INTEGER;

/** The spans in ascending order of time; ranges in which nothing can match are left out. */
export function spansOf(plan: Plan): Span[] {
  const cuts = [...new Set(cutsOf(plan))].toSorted((a, b) => a - b);
  const starts = [-Infinity, ...cuts];
  const spans: Span[] = [];
  for (const [index, from] of starts.entries()) {
    const to = cuts[index] ?? Infinity;
    const settled = settle(plan, from * 1000, to * 1000);
    if (settled.kind === 'none') continue;
    add(spans, spanOf(settled, { first: rowidFrom(from), last: rowidFrom(to) - 1 }));
  }
  return spans;
}

/** Narrows a span to rows from `first` to `last`; undefined when nothing is left. */
export function narrow(span: Span, first: number, last: number): Span | undefined {
  const narrowed = { ...span, first: Math.max(span.first, first), last: Math.min(span.last, last) };
  return narrowed.first <= narrowed.last ? narrowed : undefined;
}

function add(spans: Span[], span: Span): void {
  const before = spans.at(-1);
  const continues =
    before !== undefined &&
    before.last + 1 === span.first &&
    before.query === span.query &&
    before.check === undefined &&
    span.check === undefined;
  if (continues) spans[spans.length - 1] = { ...before, last: span.last };
  else spans.push(span);
}

function rowidFrom(second: number): number {
  return Math.min(Math.max(firstRowidOf(second), FIRST_ROWID), LAST_ROWID);
}

/** Seconds at which a time condition changes; one that changes inside a second has that second to itself. */
function cutsOf(plan: Plan): number[] {
  switch (plan.kind) {
    case 'and':
    case 'or':
      return plan.parts.flatMap(cutsOf);
    case 'not':
      return cutsOf(plan.part);
    case 'time':
      return [plan.from, plan.to]
        .filter(Number.isFinite)
        .flatMap((time) => [Math.floor(time / 1000), Math.ceil(time / 1000)]);
    default:
      return [];
  }
}

/** The plan for times from <= t < to: a time condition is true, false, or stays. */
function settle(plan: Plan, from: number, to: number): Plan {
  switch (plan.kind) {
    case 'time':
      if (plan.from <= from && to <= plan.to) return { kind: 'all' };
      return plan.to <= from || to <= plan.from ? { kind: 'none' } : plan;
    case 'not':
      return negated(settle(plan.part, from, to));
    case 'and':
    case 'or':
      return combined(
        plan.kind,
        plan.parts.map((part) => settle(part, from, to)),
      );
    default:
      return plan;
  }
}

function negated(plan: Plan): Plan {
  if (plan.kind === 'all') return { kind: 'none' };
  if (plan.kind === 'none') return { kind: 'all' };
  return plan.kind === 'not' ? plan.part : { kind: 'not', part: plan };
}

function combined(kind: 'and' | 'or', parts: readonly Plan[]): Plan {
  const [neutral, ruling] = kind === 'and' ? (['all', 'none'] as const) : (['none', 'all'] as const);
  if (parts.some((part) => part.kind === ruling)) return { kind: ruling };
  const left = parts.filter((part) => part.kind !== neutral);
  const [only] = left;
  if (only === undefined) return { kind: neutral };
  return left.length === 1 ? only : { kind, parts: left };
}

function spanOf(plan: Plan, range: { first: number; last: number }): Span {
  const check = isIndexed(plan) ? undefined : withoutIndexedConjuncts(plan);
  const query = queryOf(check === undefined ? plan : widened(plan, true));
  return { ...range, query, check };
}

/** Every condition is a term: the full-text table decides alone. */
function isIndexed(plan: Plan): boolean {
  switch (plan.kind) {
    case 'values':
    case 'time':
      return false;
    case 'not':
      return isIndexed(plan.part);
    case 'and':
    case 'or':
      return plan.parts.every(isIndexed);
    default:
      return true;
  }
}

/** Candidates pass those already. */
function withoutIndexedConjuncts(plan: Plan): Plan {
  if (plan.kind !== 'and') return plan;
  return combined(
    'and',
    plan.parts.filter((part) => !isIndexed(part)),
  );
}

/** With terms only, and matching at least what the plan matches (at most, where `atLeast` is false). */
function widened(plan: Plan, atLeast: boolean): Plan {
  switch (plan.kind) {
    case 'values':
    case 'time':
      return { kind: atLeast ? 'all' : 'none' };
    case 'not':
      return negated(widened(plan.part, !atLeast));
    case 'and':
    case 'or':
      return combined(
        plan.kind,
        plan.parts.map((part) => widened(part, atLeast)),
      );
    default:
      return plan;
  }
}

/** The full-text query of a plan with terms only; undefined when it is all rows. */
export function queryOf(plan: Plan): string | undefined {
  if (plan.kind === 'all') return undefined;
  const { query, negative } = matchOf(plan);
  return negative ? `(${quoted(EVERY)} NOT ${query})` : query;
}

/** A query, or the complement of one: FTS5's NOT needs something to subtract from. */
interface Match {
  readonly query: string;
  readonly negative: boolean;
}

function matchOf(plan: Plan): Match {
  switch (plan.kind) {
    case 'term':
      return { query: plan.query, negative: false };
    case 'not': {
      const { query, negative } = matchOf(plan.part);
      return { query, negative: !negative };
    }
    case 'and':
      return conjunction(plan.parts.map(matchOf));
    case 'or': {
      // De Morgan: a or b = not (not a and not b)
      const { query, negative } = conjunction(
        plan.parts.map(matchOf).map((match) => ({ ...match, negative: !match.negative })),
      );
      return { query, negative: !negative };
    }
    default:
      return { query: quoted(EVERY), negative: plan.kind === 'none' };
  }
}

function conjunction(matches: readonly Match[]): Match {
  const wanted = matches.filter(({ negative }) => !negative).map(({ query }) => query);
  const unwanted = matches.filter(({ negative }) => negative).map(({ query }) => query);
  if (wanted.length === 0) return { query: joined(' OR ', unwanted), negative: true };
  const all = joined(' AND ', wanted);
  if (unwanted.length === 0) return { query: all, negative: false };
  return { query: `(${all} NOT ${joined(' OR ', unwanted)})`, negative: false };
}
