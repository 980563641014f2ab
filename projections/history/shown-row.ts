import { EVENT_CATEGORIES, type EventCategory } from '#domain/event';
import { resourceIds, shownEventId } from '#projections/history/entry';
import type { HistoryRow } from '#projections/history/history-index';
import { millisecondsOf, type IndexReader, type Row } from '#projections/history/reader';

/** The row as it is listed: numbers replaced by the texts that they stand for. */
export function shownRow(reader: IndexReader, row: Row): HistoryRow {
  const text = (column: string): string | undefined => {
    const id = row[column];
    return typeof id === 'number' ? reader.textOf(id) : undefined;
  };
  const position = Number(row['position']);
  const eventTime = millisecondsOf(row);
  return {
    place: { epoch: Number(row['epoch']), position },
    cursor: { second: Math.floor(eventTime / 1000), position },
    eventId: shownEventId(row['event_id']),
    eventTime,
    eventName: text('event_name'),
    eventSource: text('event_source'),
    readOnly: flag(text('read_only')),
    username: text('username'),
    principalArn: text('principal_arn'),
    accessKeyId: text('access_key_id'),
    resources: resourceIds(row['resources']).map(([type, name, arn]) => ({
      type: type === undefined ? undefined : reader.textOf(type),
      name: name === undefined ? undefined : reader.textOf(name),
      arn: arn === undefined ? undefined : reader.textOf(arn),
    })),
    account: text('account') ?? '',
    region: text('region'),
    sourceIPAddress: text('shown_address') ?? text('source_ip'),
    userAgent: text('user_agent'),
    errorCode: text('error_code'),
    category: categoryNamed(text('category')),
  };
}

function flag(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : text === 'true';
}

function categoryNamed(text: string | undefined): EventCategory {
  return EVENT_CATEGORIES.find((category) => category === text) ?? 'Management';
}
