/** Raised with every change of the mappings; an index of another version is built again. */
export const OPENSEARCH_VERSION = 1;

const KEYWORD = { type: 'keyword' } as const;
const LONG = { type: 'long' } as const;

/**
 * What OpenSearch keeps of an event. Nothing is mapped by itself, and no value is dropped for its length: fields
 * are cut by domain/event-values.ts to 2,049 characters, far below Lucene's 32,766 bytes for one term.
 *
 * Answers need the typed fields and `words`. `requestParameters` and `responseElements` are for people who ask
 * OpenSearch directly; what was cut there is named in `abridged`. These and `words` are not in the stored source:
 * the journal has the record.
 */
export const EVENT_MAPPINGS = {
  dynamic: 'strict',
  _source: { excludes: ['words', 'requestParameters', 'responseElements', 'ip'] },
  _meta: { version: OPENSEARCH_VERSION },
  properties: {
    epoch: LONG,
    position: LONG,
    /** eventTime in whole seconds since 1970: with the position the order of history. */
    second: LONG,
    eventTime: { type: 'date', format: 'epoch_millis' },
    eventId: KEYWORD,
    eventName: KEYWORD,
    eventSource: KEYWORD,
    readOnly: KEYWORD,
    username: KEYWORD,
    principalArn: KEYWORD,
    accessKeyId: KEYWORD,
    account: KEYWORD,
    region: KEYWORD,
    /** In its canonical spelling; as the record has it, where that differs, in shownAddress. */
    sourceIPAddress: KEYWORD,
    shownAddress: { type: 'keyword', index: false, doc_values: false },
    /** The same as an address; absent where it is none. */
    ip: { type: 'ip' },
    userAgent: KEYWORD,
    errorCode: KEYWORD,
    category: KEYWORD,
    resources: { properties: { type: KEYWORD, name: KEYWORD, arn: KEYWORD } },
    /** The words of the whole record as domain/event-words.ts cuts and folds them, separated by blanks. */
    words: { type: 'text', analyzer: 'whitespace', norms: false, index_options: 'docs' },
    requestParameters: { type: 'flat_object' },
    responseElements: { type: 'flat_object' },
    abridged: KEYWORD,
  },
} as const;

/**
 * Sorted like the answers, so that a page ends after its rows. Refreshed by the writer before it moves its
 * cursor, never by a timer: what the cursor has passed can be found. Deleting leaves no deleted document behind
 * when history asks for it (delete-events.ts).
 */
export const EVENT_SETTINGS = {
  number_of_shards: 1,
  auto_expand_replicas: '0-1',
  refresh_interval: '-1',
  codec: 'best_compression',
  'sort.field': ['second', 'position'],
  'sort.order': ['desc', 'desc'],
  'merge.policy.expunge_deletes_allowed': 0,
} as const;

const SMALL_SETTINGS = {
  number_of_shards: 1,
  auto_expand_replicas: '0-1',
  refresh_interval: '-1',
  'merge.policy.expunge_deletes_allowed': 0,
} as const;

/** One document, read by its id and written by compare-and-set; nothing in it is searched. */
export const STATE_INDEX = { settings: SMALL_SETTINGS, mappings: { dynamic: false } } as const;

/** Documents that OpenSearch refused, by their places. */
export const REFUSED_INDEX = {
  settings: SMALL_SETTINGS,
  mappings: {
    dynamic: 'strict',
    properties: {
      epoch: LONG,
      position: LONG,
      account: KEYWORD,
      eventTime: { type: 'date', format: 'epoch_millis' },
      /** What OpenSearch said, without any value of the event. */
      reason: KEYWORD,
      /** Whether the event can be found all the same, by everything but its parameters. */
      found: { type: 'boolean' },
    },
  },
} as const;
