/**
 * A worker process for platform/queue's crash test: takes jobs named `hang` and never finishes them.
 * Arguments: connection string, queue name. Says `took <id>` on stdout when it has one.
 */
import { postgresBackend } from '#platform/queue/bull-backend';
import { createBullQueue } from '#platform/queue/bull-queue';

const [connectionString = '', name = ''] = process.argv.slice(2);
const queue = createBullQueue({
  backend: postgresBackend({ connectionString }),
  name,
  lockMs: 1_000,
  onError: (error) => process.stderr.write(`${error.message}\n`),
});
await queue.process(
  new Map([
    [
      'hang',
      async (job) => {
        process.stdout.write(`took ${job.id}\n`);
        await new Promise(() => undefined);
      },
    ],
  ]),
);
