import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXAMPLE_ACCOUNTS, generateEvents } from '#domain/generator/events';
import { isRefusal, parseEvent } from '#domain/event-parse';
import { openJournal } from '#journal/journal';
import type { NewEvent } from '#journal/types';
import { createPool, migrate } from '#platform/db';
import { FileKeyProvider } from '#platform/keys';
import { createLog } from '#platform/log';
import { DiskObjectStore } from '#platform/objects/disk-object-store';
import { startPostgres } from '#platform/postgres/start-postgres';
import { createPostgresPubSub } from '#platform/pubsub/postgres-pubsub';
import { costOfTree } from '#test/bench/process-cost';

/**
 * The append path alone: parsed events in memory, chunks as the bulk door cuts them, fsync on, no sealing unless
 * told. `node --conditions=source test/bench/append.ts [seconds] [events a chunk] [chunks at once] [seal]`.
 */
const [seconds = '10', chunk = '500', lanes = '8', sealing = ''] = process.argv.slice(2);
const SAMPLE = 40_000;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function prepareEvents(): NewEvent[] {
  const to = Date.now();
  const events: NewEvent[] = [];
  for (const text of generateEvents({
    seed: 1,
    count: SAMPLE,
    accounts: EXAMPLE_ACCOUNTS,
    from: to - 30 * 86_400_000,
    to,
  })) {
    const parsed = parseEvent(Buffer.from(text), { now: to });
    if (isRefusal(parsed)) throw new Error(parsed.message);
    events.push({
      raw: parsed.raw,
      account: parsed.account ?? '111122223333',
      eventId: parsed.eventId,
      eventTime: parsed.eventTime,
    });
  }
  return events;
}

const folder = await mkdtemp(join(tmpdir(), 'cairn-bench-'));
const server = await startPostgres({ dataDir: folder });
try {
  await migrate(server.url);
  const pool = createPool(server.url);
  const pubsub = createPostgresPubSub({
    connectionString: server.url,
    onError: (error) => print(error.message),
  });
  const log = createLog({ level: 'warn', name: 'bench' });
  const [objects, keyObjects, anchor] = await Promise.all(
    ['objects', 'keys', 'anchor'].map((name) => DiskObjectStore.open(join(folder, name))),
  );
  const keys = await FileKeyProvider.openOrCreate(join(folder, 'master.key'));
  if (objects === undefined || keyObjects === undefined || anchor === undefined) throw new Error('no stores');
  const journal = await openJournal({ pool, objects, keyObjects, anchor, keys, pubsub, log });
  const events = prepareEvents();
  const bytes = events.reduce((sum, { raw }) => sum + raw.length, 0) / events.length;
  print(`${events.length} events of ${bytes.toFixed(0)} bytes`);
  const before = new Map(
    [...costOfTree(process.pid), ...costOfTree(server.pid)].map((cost) => [cost.pid, cost.cpuSeconds]),
  );
  const began = performance.now();
  const until = began + Number(seconds) * 1000;
  let recorded = 0;
  let from = 0;
  const waits: number[] = [];
  const lane = async (): Promise<void> => {
    while (performance.now() < until) {
      const part = events
        .slice(from, from + Number(chunk))
        .map((event) => ({ ...event, eventId: randomUUID() }));
      from = (from + Number(chunk)) % (SAMPLE - Number(chunk));
      const sent = performance.now();
      const outcomes = await journal.append({
        source: 'key:bench',
        received: part.length,
        refused: 0,
        events: part,
      });
      waits.push(performance.now() - sent);
      recorded += outcomes.length;
    }
  };
  let sealMs = 0;
  const sealer = async (): Promise<void> => {
    while (sealing !== '' && performance.now() < until) {
      const start = performance.now();
      await journal.sealer.sealTail();
      sealMs += performance.now() - start;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  await Promise.all([sealer(), ...Array.from({ length: Number(lanes) }, lane)]);
  const wall = (performance.now() - began) / 1000;
  const after = [...costOfTree(process.pid), ...costOfTree(server.pid)];
  const used = [...new Map(after.map((cost) => [cost.pid, cost])).values()].map((cost) => ({
    command: cost.command.slice(0, 60),
    cpu: cost.cpuSeconds - (before.get(cost.pid) ?? 0),
    mb: cost.peakMegabytes,
  }));
  const total = used.reduce((sum, { cpu }) => sum + cpu, 0);
  waits.sort((a, b) => a - b);
  print(
    `${(recorded / wall).toFixed(0)} events/s, ${(recorded / total).toFixed(0)} per CPU-second, seal ${sealMs.toFixed(0)} ms`,
  );
  print(
    `answer p50 ${waits[waits.length >> 1]?.toFixed(1)} ms, p99 ${waits[Math.floor(waits.length * 0.99)]?.toFixed(1)} ms`,
  );
  for (const { command, cpu, mb } of used.filter((one) => one.cpu > 0.05)) {
    print(`${cpu.toFixed(2)} s (${((cpu / wall) * 100).toFixed(0)}%) ${mb.toFixed(0)} MB ${command}`);
  }
  await journal.close();
  await pubsub.close();
  await pool.end();
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
