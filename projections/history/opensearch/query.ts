import type { EventFilter, FilterField } from '#domain/filter/filter';
import { simplify } from '#domain/filter/simplify';
import type { AccountScope } from '#projections/history/history-index';
import { storable, storedPrefix } from '#projections/history/opensearch/exact-text';

/** A query of OpenSearch, as JSON. */
export type Query = Readonly<Record<string, unknown>>;

const EVERY: Query = { match_all: {} };
const NOTHING: Query = { match_none: {} };
/** All IPv4 addresses; OpenSearch keeps them among those of IPv6. */
const ALL_IPV4: Query = { term: { ip: '0.0.0.0/0' } };

/** Where OpenSearch keeps a field's values. */
export function fieldName(field: FilterField): string {
  switch (field) {
    case 'resourceType':
      return 'resources.type';
    case 'resourceName':
      return 'resources.name';
    case 'resourceArn':
      return 'resources.arn';
    default:
      return field;
  }
}

/** Finds what `matches` (domain/filter/meaning.ts) finds, in the accounts of the scope. */
export function queryOf(filter: EventFilter, accounts: AccountScope): Query {
  if (accounts === 'ALL') return translated(simplify(filter));
  const scope: EventFilter = { kind: 'in', field: 'account', values: accounts };
  return translated(simplify({ kind: 'and', filters: [scope, filter] }));
}

function translated(filter: EventFilter): Query {
  switch (filter.kind) {
    case 'all':
      return EVERY;
    case 'and':
      return every(filter.filters.map(translated));
    case 'or':
      return some(filter.filters.map(translated));
    case 'not':
      return filter.filter.kind === 'all' ? NOTHING : { bool: { must_not: [translated(filter.filter)] } };
    case 'in':
      return { terms: { [fieldName(filter.field)]: filter.values.map(storable) } };
    case 'prefix':
      return beginsWith(fieldName(filter.field), filter.value);
    case 'exists':
      return { exists: { field: fieldName(filter.field) } };
    case 'cidr':
      return within(filter.network);
    case 'time':
      return between(filter.from, filter.to);
    case 'words':
      return every(filter.words.map((word) => ({ term: { words: word } })));
  }
}

export function every(queries: readonly Query[]): Query {
  return queries.length === 0 ? EVERY : { bool: { filter: queries } };
}

export function some(queries: readonly Query[]): Query {
  return queries.length === 0 ? NOTHING : { bool: { should: queries, minimum_should_match: 1 } };
}

function beginsWith(field: string, text: string): Query {
  const { prefix, pairs } = storedPrefix(text);
  const whole: Query = { prefix: { [field]: prefix } };
  if (pairs === undefined) return whole;
  const range = { gte: pairs.from, ...(pairs.to === undefined ? {} : { lt: pairs.to }) };
  return some([whole, every([{ prefix: { [field]: pairs.prefix } }, { range: { [field]: range } }])]);
}

/** A network of IPv6 holds no address of IPv4, whatever it covers. */
function within(network: string): Query {
  const inside: Query = { term: { ip: network } };
  return network.includes(':') ? { bool: { filter: [inside], must_not: [ALL_IPV4] } } : inside;
}

/** Indices are sorted by seconds, which makes a range of seconds a stretch of documents. */
function between(from: number | undefined, to: number | undefined): Query {
  const seconds = {
    ...(from === undefined ? {} : { gte: Math.floor(from / 1000) }),
    ...(to === undefined ? {} : { lt: Math.ceil(to / 1000) }),
  };
  const isWhole = [from, to].every((time) => time === undefined || time % 1000 === 0);
  if (isWhole) return { range: { second: seconds } };
  const exact = { ...(from === undefined ? {} : { gte: from }), ...(to === undefined ? {} : { lt: to }) };
  return every([{ range: { second: seconds } }, { range: { eventTime: exact } }]);
}
