import { CairnError } from '#domain/errors';
import { parseEventTime } from '#domain/event-time';
import { MAX_FIELD_CHARS } from '#domain/event-values';
import { textWords } from '#domain/event-words';
import { FILTER_FIELDS, type EventFilter, type FilterField } from '#domain/filter/filter';
import { CATEGORY_NAMES, FIELD_RULES, FILTER_LIMITS, type FilterLimits } from '#domain/filter/input';
import { formatNetwork, parseNetwork } from '#domain/filter/ip';
import { canonicalAddress } from '#domain/filter/meaning';
import { ALL, simplify } from '#domain/filter/simplify';
import { MAX_PREFIX_CHARS } from '#domain/filter/tokens';
import { ACCOUNT_ID } from '#domain/ids';

/**
 * Reads an EventFilterInput (domain/filter/input.ts) that anyone may have written. null and undefined are
 * absent; undefined as a whole matches everything. Throws INVALID_FILTER with the path of the fault.
 */
export function checkFilter(input: unknown, limits: FilterLimits = FILTER_LIMITS): EventFilter {
  if (input === undefined || input === null) return ALL;
  const check: Check = { limits, groups: 0, conditions: 0 };
  return simplify(readFilter(check, input, { path: 'filter', depth: 1 }));
}

interface Check {
  readonly limits: FilterLimits;
  /** Objects seen; empty ones hold no condition and would not be bounded by their number. */
  groups: number;
  conditions: number;
}

interface Place {
  readonly path: string;
  readonly depth: number;
}

type Entries = readonly (readonly [name: string, value: unknown])[];

function readFilter(check: Check, input: unknown, { path, depth }: Place): EventFilter {
  if (depth > check.limits.maxDepth) {
    throw fault(path, `A filter may be nested ${check.limits.maxDepth} levels deep at most.`);
  }
  check.groups += 1;
  if (check.groups > check.limits.maxConditions) {
    throw fault(path, `A filter may have ${check.limits.maxConditions} groups at most.`);
  }
  const filters = entriesOf(input, path).map(([name, value]) => {
    const place = { path: `${path}.${name}`, depth: depth + 1 };
    if (name === 'and' || name === 'or') return readList(check, name, { value, place });
    if (name === 'not') return negated(readFilter(check, value, place));
    return readConditions(check, name, { value, path: place.path });
  });
  return { kind: 'and', filters };
}

function readList(check: Check, kind: 'and' | 'or', of: { value: unknown; place: Place }): EventFilter {
  const items = listOf(of.value, of.place.path, check.limits.maxConditions);
  const filters = items.map((item, index) =>
    readFilter(check, item, { path: `${of.place.path}[${index}]`, depth: of.place.depth }),
  );
  return { kind, filters };
}

function readConditions(check: Check, name: string, of: { value: unknown; path: string }): EventFilter {
  if (name === 'words') return counted(check, of.path, [readWords(of.value, of.path, check.limits)]);
  if (name === 'eventTime') return counted(check, of.path, [readTime(of.value, of.path)]);
  const field = FILTER_FIELDS.find((known) => known === name);
  if (field === undefined) throw fault(of.path, 'There is no such field to filter by.');
  const filters = entriesOf(of.value, of.path).map(([operator, value]) =>
    readCondition(check.limits, field, { operator, value, path: `${of.path}.${operator}` }),
  );
  if (filters.length === 0) throw fault(of.path, 'A field needs at least one operator.');
  return counted(check, of.path, filters);
}

function counted(check: Check, path: string, filters: readonly EventFilter[]): EventFilter {
  check.conditions += filters.length;
  if (check.conditions > check.limits.maxConditions) {
    throw fault(path, `A filter may have ${check.limits.maxConditions} conditions at most.`);
  }
  return { kind: 'and', filters };
}

interface Condition {
  readonly operator: string;
  readonly value: unknown;
  readonly path: string;
}

function readCondition(limits: FilterLimits, field: FilterField, condition: Condition): EventFilter {
  const { value, path } = condition;
  const operator = FIELD_RULES[field].operators.find((known) => known === condition.operator);
  switch (operator) {
    case 'equals':
      return { kind: 'in', field, values: [readValue(field, value, path)] };
    case 'in':
      return { kind: 'in', field, values: readValues(field, condition, limits) };
    case 'prefix':
      return { kind: 'prefix', field, value: readPrefix(value, path, limits) };
    case 'cidr':
      return { kind: 'cidr', network: readNetwork(value, path) };
    case 'exists':
      if (typeof value !== 'boolean') throw fault(path, 'exists must be true or false.');
      return value ? { kind: 'exists', field } : negated({ kind: 'exists', field });
    case undefined:
      throw fault(path, `${field} has the operators ${FIELD_RULES[field].operators.join(', ')}.`);
  }
}

function readValues(field: FilterField, { value, path }: Condition, limits: FilterLimits): string[] {
  const items = listOf(value, path, limits.maxValues);
  return items.map((item, index) => readValue(field, item, `${path}[${index}]`));
}

function readValue(field: FilterField, value: unknown, path: string): string {
  const rule = FIELD_RULES[field].value;
  if (rule === 'boolean') {
    if (typeof value === 'boolean') return String(value);
    throw fault(path, 'The value must be true or false.');
  }
  const text = readText(value, path);
  if (rule === 'account' && !ACCOUNT_ID.test(text)) throw fault(path, 'An account is 12 digits.');
  if (rule === 'category' && !CATEGORY_NAMES.has(text)) {
    throw fault(path, `A category is one of ${[...CATEGORY_NAMES].join(', ')}.`);
  }
  return field === 'sourceIPAddress' ? canonicalAddress(text) : text;
}

function readText(value: unknown, path: string): string {
  if (typeof value !== 'string' || value === '') throw fault(path, 'The value must be a text.');
  if (value.length > MAX_FIELD_CHARS) {
    throw fault(path, `A value may have ${MAX_FIELD_CHARS} characters at most.`);
  }
  return value;
}

function readPrefix(value: unknown, path: string, { minPrefixChars }: FilterLimits): string {
  const text = readText(value, path);
  if (text.length >= minPrefixChars && text.length <= MAX_PREFIX_CHARS) return text;
  throw fault(path, `A prefix has ${minPrefixChars} to ${MAX_PREFIX_CHARS} characters.`);
}

function readNetwork(value: unknown, path: string): string {
  const network = parseNetwork(readText(value, path));
  if (network === undefined) throw fault(path, 'A network is written like 10.0.0.0/8 or 2001:db8::/32.');
  return formatNetwork(network);
}

function readWords(value: unknown, path: string, { maxWords }: FilterLimits): EventFilter {
  const words = [...textWords(readText(value, path))];
  if (words.length >= 1 && words.length <= maxWords) return { kind: 'words', words };
  throw fault(path, `words must hold 1 to ${maxWords} words of letters or digits.`);
}

function readTime(value: unknown, path: string): EventFilter {
  const entries = entriesOf(value, path);
  const unknown = entries.find(([name]) => name !== 'from' && name !== 'to');
  if (unknown !== undefined) throw fault(`${path}.${unknown[0]}`, 'A time range has from and to.');
  if (entries.length === 0) throw fault(path, 'A time range needs from, to or both.');
  const [from, to] = ['from', 'to'].map((name) => readInstant(entries, name, path));
  if (from !== undefined && to !== undefined && from >= to) {
    throw fault(`${path}.to`, 'A time range must end after it begins.');
  }
  return { kind: 'time', from, to };
}

function readInstant(entries: Entries, wanted: string, path: string): number | undefined {
  const value = entries.find(([name]) => name === wanted)?.[1];
  if (value === undefined) return undefined;
  const time = value instanceof Date ? value.getTime() : parseText(value);
  if (time !== undefined && Number.isFinite(time)) return time;
  throw fault(`${path}.${wanted}`, 'A time is written like 2026-01-31T12:00:00Z.');
}

function parseText(value: unknown): number | undefined {
  return typeof value === 'string' ? parseEventTime(value) : undefined;
}

function negated(filter: EventFilter): EventFilter {
  return { kind: 'not', filter };
}

/** The members of an input object that say something. */
function entriesOf(input: unknown, path: string): Entries {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw fault(path, 'An object is expected here.');
  }
  const entries: Entries = Object.entries(input);
  return entries.filter(([, value]) => value !== undefined && value !== null);
}

function listOf(value: unknown, path: string, max: number): readonly unknown[] {
  if (!Array.isArray(value)) throw fault(path, 'A list is expected here.');
  if (value.length < 1 || value.length > max) throw fault(path, `The list must hold 1 to ${max} items.`);
  return value;
}

function fault(path: string, message: string): CairnError {
  return new CairnError('INVALID_FILTER', message, { path });
}
