import { Gauge } from 'prom-client';
import type { Installation } from '#cli/installation';
import type { OpenJournal } from '#journal/journal';
import { tailState } from '#journal/store/seal-store';
import type { HistoryIndex } from '#projections/history/history-index';

/** Figures that are read when somebody asks for the metrics. docs/operations tells when to worry. */
export function apiGauges(
  { telemetry, pool }: Installation,
  journal: OpenJournal,
  history: HistoryIndex,
): void {
  const registers = [telemetry.metrics];
  const onError = (error: unknown): void => log.warn({ err: error }, 'a metric cannot be read');
  const gauge = (name: string, help: string, read: () => Promise<number> | number): void => {
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await figure(read, onError));
      },
    });
  };
  gauge('cairn_journal_position', 'Events that the journal has accepted.', async () => {
    return (await journal.head()).position;
  });
  gauge('cairn_journal_queue_bytes', 'Raw bytes of events that wait for their commit.', () => journal.load());
  gauge('cairn_journal_tail_batches', 'Batches that are not yet sealed into a segment.', async () => {
    const { size } = await tailState(pool);
    return size.batches;
  });
  gauge('cairn_history_events_behind', 'Events that event history has not seen yet.', async () => {
    return (await history.freshness()).eventsBehind;
  });
  gauge(
    'cairn_history_seconds_behind',
    'Age of the oldest event that event history has not seen yet.',
    async () => {
      return (await history.freshness()).secondsBehind;
    },
  );
}

/** One figure that cannot be read is not a number; the others are shown all the same. */
async function figure(
  read: () => Promise<number> | number,
  onError: (error: unknown) => void,
): Promise<number> {
  try {
    return await read();
  } catch (error) {
    onError(error);
    return Number.NaN;
  }
}
