import type { EventCategory, IndexedFields, JsonObject } from '#domain/event';
import { bodyOf, indexedFields } from '#domain/event-fields';
import { recordWords } from '#domain/event-words';
import { parseIp } from '#domain/filter/ip';
import { canonicalAddress } from '#domain/filter/meaning';
import type { JournalEvent } from '#journal/types';
import { readableRecord } from '#projections/history/entry';
import { storable } from '#projections/history/opensearch/exact-text';
import { flatObject } from '#projections/history/opensearch/flat-object';

/** An event on its way into OpenSearch. */
export interface Document {
  /** Of the place: writing it again changes nothing. */
  readonly id: string;
  readonly event: Pick<JournalEvent, 'place' | 'account' | 'eventTime'>;
  /** JSON, without a line's end. */
  readonly source: string;
  /** The same without the parameters, for a document that OpenSearch would not take; a second, smaller try. */
  reduced(): string;
}

const PARAMETERS = ['requestParameters', 'responseElements'] as const;

/** Undefined when the event's category is not one of those that are kept. */
export function documentOf(event: JournalEvent, categories: readonly EventCategory[]): Document | undefined {
  const record = readableRecord(event.raw);
  const { place, account, eventTime } = event;
  const eventId = event.eventIdIn?.(record) ?? event.eventId;
  const fields = indexedFields(record, { eventId, eventTime, account });
  if (!categories.includes(fields.category)) return undefined;
  const found = {
    epoch: place.epoch,
    position: place.position,
    second: Math.floor(eventTime / 1000),
    ...storedFields(fields),
    words: [...recordWords(record)].join(' '),
  };
  return {
    id: `${place.epoch}-${place.position}`,
    event: { place, account, eventTime },
    source: JSON.stringify({ ...found, ...parametersOf(bodyOf(record, fields.category)) }),
    reduced: () => JSON.stringify({ ...found, abridged: PARAMETERS }),
  };
}

/** What JSON.stringify leaves out, because it is undefined, the event does not have. */
function storedFields(fields: IndexedFields): Record<string, unknown> {
  const text = (value: string | undefined): string | undefined =>
    value === undefined ? undefined : storable(value);
  return {
    eventTime: fields.eventTime,
    eventId: storable(fields.eventId),
    eventName: text(fields.eventName),
    eventSource: text(fields.eventSource),
    readOnly: text(fields.readOnly?.toString()),
    username: text(fields.username),
    principalArn: text(fields.principalArn),
    accessKeyId: text(fields.accessKeyId),
    account: storable(fields.account),
    region: text(fields.region),
    ...storedAddress(fields.sourceIPAddress),
    userAgent: text(fields.userAgent),
    errorCode: text(fields.errorCode),
    category: fields.category,
    resources:
      fields.resources.length === 0
        ? undefined
        : fields.resources.map(({ type, name, arn }) => ({
            type: text(type),
            name: text(name),
            arn: text(arn),
          })),
  };
}

function storedAddress(address: string | undefined): Record<string, unknown> {
  if (address === undefined) return {};
  const canonical = canonicalAddress(address);
  return {
    sourceIPAddress: storable(canonical),
    shownAddress: canonical === address ? undefined : storable(address),
    ip: parseIp(address) === undefined ? undefined : canonical,
  };
}

function parametersOf(body: JsonObject): Record<string, unknown> {
  const flat = PARAMETERS.map((name) => ({ name, ...flatObject(body[name]) }));
  const abridged = flat.filter((part) => part.abridged).map(({ name }) => name);
  return {
    ...Object.fromEntries(flat.map(({ name, value }) => [name, value])),
    abridged: abridged.length === 0 ? undefined : abridged,
  };
}
