import type { IndexedFields } from '#domain/event';
import type { EventFilter, FilterField } from '#domain/filter/filter';
import { contains, formatIp, parseIp, parseNetwork } from '#domain/filter/ip';

/**
 * What a filter means. Every index must agree with `matches`; the rules are:
 *
 * - `in` and `prefix` compare whole values exactly, case and all, as LookupEvents does.
 * - An address is compared in its one canonical spelling (RFC 5952; `::ffff:192.0.2.1` is 192.0.2.1); what is
 *   no address (`AWS Internal`, a host name) is compared as text and lies in no network.
 * - readOnly is the text `true` or `false`. resourceType, resourceName and resourceArn have several values:
 *   one that fits is enough, and two conditions need not fit the same resource.
 * - A field without a value fits no `in`, `prefix`, `cidr` or `exists`; `not` is the plain complement, so that
 *   `not errorCode=X` includes events without an errorCode.
 * - Words (domain/event-words.ts) are compared without case; all must occur, anywhere in the record.
 */
export function matches(filter: EventFilter, fields: IndexedFields, words: ReadonlySet<string>): boolean {
  switch (filter.kind) {
    case 'all':
      return true;
    case 'and':
      return filter.filters.every((inner) => matches(inner, fields, words));
    case 'or':
      return filter.filters.some((inner) => matches(inner, fields, words));
    case 'not':
      return !matches(filter.filter, fields, words);
    case 'in':
      return fieldValues(fields, filter.field).some((value) => filter.values.includes(value));
    case 'prefix':
      return fieldValues(fields, filter.field).some((value) => value.startsWith(filter.value));
    case 'exists':
      return fieldValues(fields, filter.field).length > 0;
    case 'cidr':
      return liesIn(fields, filter.network);
    case 'time':
      return isWithin(fields.eventTime, filter.from, filter.to);
    case 'words':
      return filter.words.every((word) => words.has(word));
  }
}

/** The values of a field exactly as they are compared; none when the event has none. */
export function fieldValues(fields: IndexedFields, field: FilterField): readonly string[] {
  switch (field) {
    case 'resourceType':
      return present(fields.resources.map(({ type }) => type));
    case 'resourceName':
      return present(fields.resources.map(({ name }) => name));
    case 'resourceArn':
      return present(fields.resources.map(({ arn }) => arn));
    case 'readOnly':
      return fields.readOnly === undefined ? [] : [String(fields.readOnly)];
    case 'sourceIPAddress':
      return fields.sourceIPAddress === undefined ? [] : [canonicalAddress(fields.sourceIPAddress)];
    default: {
      const value = fields[field];
      return value === undefined ? [] : [value];
    }
  }
}

/** An address in its canonical spelling; other text as it is. */
export function canonicalAddress(text: string): string {
  const address = parseIp(text);
  return address === undefined ? text : formatIp(address);
}

function present(values: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(values.filter((value) => value !== undefined))];
}

function liesIn(fields: IndexedFields, network: string): boolean {
  const address = fields.sourceIPAddress === undefined ? undefined : parseIp(fields.sourceIPAddress);
  const range = parseNetwork(network);
  return address !== undefined && range !== undefined && contains(range, address);
}

function isWithin(time: number, from: number | undefined, to: number | undefined): boolean {
  return (from === undefined || time >= from) && (to === undefined || time < to);
}
