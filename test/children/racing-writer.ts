import { once } from 'node:events';
import { Pool } from 'pg';
import { openJournal } from '#journal/journal';
import { FileKeyProvider } from '#platform/keys';
import { createLog } from '#platform/log';
import { journalStores } from '#test/journal-stores';
import { LocalPubSub } from '#test/local-pubsub';
import { newEvent } from '#test/new-event';

/**
 * A writer in a process of its own: appends events 0 to 999 in chunks, from the end told, many at once, and
 * prints what became of each. Says `ready` after the first quarter and waits for a line. Arguments: database, folder, `up` or `down`.
 */
const [url = '', folder = '', direction = 'up'] = process.argv.slice(2);
const CHUNK = 25;

const pool = new Pool({ connectionString: url, max: 6 });
const keys = await FileKeyProvider.open(`${folder}/master.key`);
const log = createLog({ level: 'error', name: direction, stream: process.stderr });
const stores = await journalStores(folder);
const pubsub = new LocalPubSub();
const limits = { gatherMs: 0, batchEvents: 60 };
const journal = await openJournal({ pool, ...stores, keys, pubsub, log }, { recover: false, append: limits });

const numbers = Array.from({ length: 1000 }, (_, number) => number);
if (direction === 'down') numbers.reverse();

async function append(chosen: readonly number[]): Promise<void> {
  const sent: Promise<void>[] = [];
  for (let from = 0; from < chosen.length; from += CHUNK) {
    const chunk = chosen.slice(from, from + CHUNK);
    const events = chunk.map((number) => newEvent(number));
    const submission = { source: `key:${direction}`, received: CHUNK, refused: 0, events };
    sent.push(
      journal.append(submission).then((outcomes) => {
        const told = outcomes.map((outcome, at) => ({ number: chunk[at], ...outcome }));
        process.stdout.write(`${JSON.stringify(told)}\n`);
      }),
    );
  }
  await Promise.all(sent);
}

// A quarter that is its own, then the race.
await append(numbers.slice(0, 250));
process.stdout.write('ready\n');
await once(process.stdin, 'data');
process.stdin.destroy();
await append(numbers.slice(250));
await journal.close();
await pool.end();
