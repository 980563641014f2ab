import { randomUUID } from 'node:crypto';
import type { OpenJournal } from '#journal/journal';
import type { Place } from '#journal/types';
import { print, sampleEvents, withJournal } from '#test/bench/journal-bench';
import { quantile } from '#test/bench/statistics';

/**
 * Reading from a journal of many events: 50 scattered ones at a time, and all in order.
 * `node --conditions=source test/bench/journal-read.ts [events]`.
 */
const [count = '1000000'] = process.argv.slice(2);
const EVENTS = Number(count);
const CHUNK = 1000;
const PAGE = 50;
const PAGES = 400;

async function fill(journal: OpenJournal): Promise<void> {
  const sample = sampleEvents(40_000);
  let sent = 0;
  const lane = async (): Promise<void> => {
    while (sent < EVENTS) {
      const from = sent % (sample.length - CHUNK);
      sent += CHUNK;
      const events = sample.slice(from, from + CHUNK).map((event) => ({ ...event, eventId: randomUUID() }));
      await journal.append({ source: 'key:bench', received: CHUNK, refused: 0, events });
      await journal.sealer.sealTail();
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  await journal.sealer.sealTail({ force: true });
}

async function pages(journal: OpenJournal, end: number): Promise<number[]> {
  const waits: number[] = [];
  for (let page = 0; page < PAGES; page++) {
    const places = Array.from({ length: PAGE }, () => ({
      epoch: 0,
      position: Math.floor(Math.random() * end),
    }));
    const began = performance.now();
    const events = await journal.get(places);
    waits.push(performance.now() - began);
    if (events.includes(undefined)) throw new Error('an event is missing');
  }
  return waits;
}

await withJournal(async (journal) => {
  await fill(journal);
  const { position } = await journal.head();
  const cold = performance.now();
  await journal.get(
    Array.from({ length: 200 }, (_, at) => ({ epoch: 0, position: Math.floor((at / 200) * position) })),
  );
  print(`${position} events; indexes read in ${Math.round(performance.now() - cold)} ms`);
  await pages(journal, position);
  const before = process.cpuUsage();
  const waits = await pages(journal, position);
  const spent = process.cpuUsage(before);
  const times = [0.5, 0.95, 1].map((share) => quantile(waits, share).toFixed(1));
  print(
    `${PAGE} scattered events: p50 ${times[0]} ms, p95 ${times[1]} ms, max ${times[2]} ms, CPU ${((spent.user + spent.system) / 1000 / PAGES).toFixed(1)} ms`,
  );
  const began = performance.now();
  const cpu = process.cpuUsage();
  for (let next: Place = { epoch: 0, position: 0 }; next.position < position;) {
    next = (await journal.read(next, 5000)).next;
  }
  const { user, system } = process.cpuUsage(cpu);
  print(
    `in order: ${Math.round(position / ((performance.now() - began) / 1000))} events/s, ${Math.round(position / ((user + system) / 1e6))} per CPU-second`,
  );
  print(`resident ${Math.round(process.memoryUsage().rss / 1e6)} MB`);
});
