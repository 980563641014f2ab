import { EVENT_CATEGORIES } from '#domain/event';
import type { FilterField } from '#domain/filter/filter';

export type FilterOperator = 'equals' | 'in' | 'prefix' | 'cidr' | 'exists';

/** What may be asked of a field, in the shape of EventFilterInput. */
export interface FieldRule {
  readonly operators: readonly FilterOperator[];
  readonly value: 'text' | 'boolean' | 'account' | 'category';
}

const TEXT: FieldRule = { operators: ['equals', 'in', 'prefix', 'exists'], value: 'text' };

export const FIELD_RULES: Readonly<Record<FilterField, FieldRule>> = {
  eventId: TEXT,
  eventName: TEXT,
  eventSource: TEXT,
  readOnly: { operators: ['equals', 'exists'], value: 'boolean' },
  username: TEXT,
  principalArn: TEXT,
  accessKeyId: TEXT,
  resourceType: TEXT,
  resourceName: TEXT,
  resourceArn: TEXT,
  account: { operators: ['equals', 'in'], value: 'account' },
  region: TEXT,
  sourceIPAddress: { operators: ['equals', 'in', 'prefix', 'cidr', 'exists'], value: 'text' },
  userAgent: TEXT,
  errorCode: TEXT,
  category: { operators: ['equals', 'in'], value: 'category' },
};

/** The conditions on one field; several are joined by AND. */
export interface FieldInput {
  readonly equals?: string | boolean | null;
  readonly in?: readonly string[] | null;
  readonly prefix?: string | null;
  readonly cidr?: string | null;
  readonly exists?: boolean | null;
}

/** A filter as a caller writes it: GraphQL's EventFilterInput. All names in one object are joined by AND. */
export interface EventFilterInput extends Partial<Readonly<Record<FilterField, FieldInput | null>>> {
  readonly and?: readonly EventFilterInput[] | null;
  readonly or?: readonly EventFilterInput[] | null;
  readonly not?: EventFilterInput | null;
  /** from <= eventTime < to; ISO 8601 or Date. */
  readonly eventTime?: { readonly from?: string | Date | null; readonly to?: string | Date | null } | null;
  readonly words?: string | null;
}

export interface FilterLimits {
  readonly maxDepth: number;
  readonly maxConditions: number;
  readonly maxValues: number;
  readonly minPrefixChars: number;
  readonly maxWords: number;
}

export const FILTER_LIMITS: FilterLimits = {
  maxDepth: 10,
  maxConditions: 200,
  maxValues: 100,
  minPrefixChars: 3,
  maxWords: 20,
};

export const CATEGORY_NAMES: ReadonlySet<string> = new Set(EVENT_CATEGORIES);
