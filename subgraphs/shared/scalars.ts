import 'reflect-metadata';
import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { ACCOUNT_ID } from '#domain/ids';

/** RFC 3339, section 5.6, without the leap second and the space that it lets writers agree on. */
const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** An instant. Inside: a JavaScript Date; resolvers may also return milliseconds since 1970. */
export const DateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  description:
    'An instant as RFC 3339 text, for example `2026-03-01T09:30:00Z` or `2026-03-01T10:30:00.250+01:00`. ' +
    'The offset is required. Answers are in UTC.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize: (value) => printInstant(value),
  parseValue: (value) => parseInstant(value),
  parseLiteral: (node) => parseInstant(textOf(node)),
});

/** A whole number beyond 32 bits: positions, counts, bytes. Inside: a safe integer. */
export const Long = new GraphQLScalarType<number, number>({
  name: 'Long',
  description:
    'A whole number between -9007199254740991 and 9007199254740991 (2^53 - 1), the range that every JSON ' +
    'reader keeps exactly. Used where 32 bits are too few: positions, counts and bytes.',
  serialize: (value) => safeInteger(typeof value === 'bigint' ? Number(value) : value),
  parseValue: (value) => safeInteger(value),
  parseLiteral: (node) => safeInteger(node.kind === Kind.INT ? Number(node.value) : undefined),
});

/** Twelve digits. Inside: the same text. */
export const AccountId = new GraphQLScalarType<string, string>({
  name: 'AccountId',
  description: 'The id of an account: exactly 12 decimal digits, leading zeros kept, as in AWS.',
  serialize: (value) => accountId(value),
  parseValue: (value) => accountId(value),
  parseLiteral: (node) => accountId(textOf(node)),
});

function textOf(node: ValueNode): string | undefined {
  return node.kind === Kind.STRING ? node.value : undefined;
}

function printInstant(value: unknown): string {
  const date = typeof value === 'number' ? new Date(value) : value;
  if (!(date instanceof Date) || Number.isNaN(date.getTime())) {
    throw new GraphQLError('DateTime cannot represent this value.');
  }
  return date.toISOString().replace('.000Z', 'Z');
}

function parseInstant(value: unknown): Date {
  const parts = typeof value === 'string' ? RFC3339.exec(value) : null;
  const date = new Date(parts?.[0] ?? Number.NaN);
  // Date accepts 31 February and rolls it over into March.
  if (
    !parts ||
    Number.isNaN(date.getTime()) ||
    Number(parts[3]) > daysIn(Number(parts[1]), Number(parts[2]))
  ) {
    throw new GraphQLError(
      'DateTime must be an RFC 3339 instant with an offset, such as 2026-03-01T09:30:00Z.',
    );
  }
  return date;
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function safeInteger(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw new GraphQLError('Long must be a whole number between -(2^53 - 1) and 2^53 - 1.');
  }
  return value;
}

function accountId(value: unknown): string {
  if (typeof value !== 'string' || !ACCOUNT_ID.test(value)) {
    throw new GraphQLError('AccountId must be exactly 12 decimal digits, as text.');
  }
  return value;
}
