/** The fields that a filter may name; each is a value, or several, of IndexedFields. */
export const FILTER_FIELDS = [
  'eventId',
  'eventName',
  'eventSource',
  'readOnly',
  'username',
  'principalArn',
  'accessKeyId',
  'resourceType',
  'resourceName',
  'resourceArn',
  'account',
  'region',
  'sourceIPAddress',
  'userAgent',
  'errorCode',
  'category',
] as const;
export type FilterField = (typeof FILTER_FIELDS)[number];

/**
 * A filter of events as a tree. Its meaning is defined by `matches` (domain/filter/meaning.ts); every index
 * must agree with it.
 */
export type EventFilter =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly filters: readonly EventFilter[] }
  | { readonly kind: 'not'; readonly filter: EventFilter }
  | { readonly kind: 'in'; readonly field: FilterField; readonly values: readonly string[] }
  | { readonly kind: 'prefix'; readonly field: FilterField; readonly value: string }
  | { readonly kind: 'exists'; readonly field: FilterField }
  /** sourceIPAddress lies in the network: `first address/bits`, canonical. */
  | { readonly kind: 'cidr'; readonly network: string }
  /** from <= eventTime < to; milliseconds since 1970. */
  | { readonly kind: 'time'; readonly from: number | undefined; readonly to: number | undefined }
  /** Every word occurs somewhere in the record; words as domain/event-words.ts cuts and folds them. */
  | { readonly kind: 'words'; readonly words: readonly string[] };
