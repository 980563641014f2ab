import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'pg';
import { openJournal } from '#journal/journal';
import { FileKeyProvider } from '#platform/keys';
import { createLog } from '#platform/log';
import { DOOMED, type ChildAck, type ChildTask } from '#test/crash/child-task';
import { journalStores } from '#test/journal-stores';
import { LocalPubSub } from '#test/local-pubsub';
import { newEvent } from '#test/new-event';

const ACCOUNTS = ['111122223333', '444455556666'];
const CHUNK = 7;

const task: ChildTask = JSON.parse(process.argv[2] ?? '{}');
let reached = 0;
const step = (name: string): void => {
  if (task.die === undefined || name !== task.die.step) return;
  if (++reached !== task.die.at) return;
  // Writes to pipes are synchronous.
  process.stdout.write(`died at ${name}\n`);
  process.kill(process.pid, 'SIGKILL');
};

const pool = new Pool({ connectionString: task.url, max: 8 });
pool.on('error', () => undefined);
const keys = await FileKeyProvider.open(`${task.folder}/master.key`);
const log = createLog({ level: 'error', name: task.lane, stream: process.stderr });
const stores = await journalStores(task.folder);
const journal = await openJournal(
  { pool, ...stores, keys, pubsub: new LocalPubSub(), log },
  { step, sealBytes: 20_000 },
);

const append = async (): Promise<never> => {
  for (let from = task.from; ; from += CHUNK) {
    const events = Array.from({ length: CHUNK }, (_, at) => {
      const number = from + at;
      const fields = { eventId: `${task.lane}-${number}`, account: ACCOUNTS[number % 2] ?? '' };
      // Every month needs keys and a partition of its own.
      return newEvent(number, { ...fields, eventTime: Date.UTC(2020, Math.floor(number / 60) % 40, 5) });
    });
    const outcomes = await journal.append({
      source: `key:${task.lane}`,
      received: CHUNK,
      refused: 0,
      events,
    });
    const positions = outcomes.map((outcome) => (outcome.result === 'REFUSED' ? -1 : outcome.place.position));
    const ack: ChildAck = { from, positions };
    process.stdout.write(`${JSON.stringify(ack)}\n`);
  }
};

const seal = async (): Promise<never> => {
  for (;;) {
    await journal.sealer.sealTail({ force: true });
    await delay(5);
  }
};

const erase = async (): Promise<void> => {
  for (let number = 0; task.erases; number++) {
    const doomed = newEvent(number, { account: DOOMED, eventId: `doomed-${process.pid}-${number}` });
    await journal.append({ source: 'key:doomed', received: 1, refused: 0, events: [doomed] });
    await journal.erase({ account: DOOMED, before: undefined });
  }
};

process.stdout.write('ready\n');
await Promise.all([append(), seal(), erase()]);
