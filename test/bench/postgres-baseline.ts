import { once } from 'node:events';
import type { Pool } from '#platform/db';
import { from as copyFrom } from 'pg-copy-streams';

/** The table that most teams would build: the record as jsonb, a primary key and three btrees. */
const TABLE = `
  CREATE TABLE audit_event (
    event_id text PRIMARY KEY,
    event_time timestamptz NOT NULL,
    account text NOT NULL,
    event_name text NOT NULL,
    record jsonb NOT NULL
  );
  CREATE INDEX ON audit_event (event_time);
  CREATE INDEX ON audit_event (account, event_time);
  CREATE INDEX ON audit_event (event_name, event_time);`;

export async function createBaseline(pool: Pool): Promise<void> {
  await pool.query(TABLE);
}

/** One COPY per 5,000 events, each its own durable transaction. */
export async function copyEvents(pool: Pool, events: readonly Buffer[]): Promise<void> {
  const client = await pool.connect();
  try {
    for (let start = 0; start < events.length; start += 5000) {
      const copy = client.query(copyFrom('COPY audit_event FROM STDIN WITH (FORMAT text)'));
      copy.end(
        events
          .slice(start, start + 5000)
          .map(copyLine)
          .join(''),
      );
      await once(copy, 'finish');
    }
  } finally {
    client.release();
  }
}

interface Columns {
  readonly eventID: string;
  readonly eventTime: string;
  readonly recipientAccountId: string;
  readonly eventName: string;
}

function copyLine(event: Buffer): string {
  const text = event.toString();
  const record = JSON.parse(text) as Columns;
  const columns = [record.eventID, record.eventTime, record.recipientAccountId, record.eventName, text];
  return columns.map((column) => column.replaceAll('\\', '\\\\')).join('\t') + '\n';
}
