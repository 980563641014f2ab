import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { print, sampleEvents, withJournal } from '#test/bench/journal-bench';
import { costOfTree } from '#test/bench/process-cost';
import { quantile } from '#test/bench/statistics';

/**
 * The append path alone: parsed events in memory, chunks as the bulk door cuts them, fsync on, sealing in the
 * same process when told.
 * `node --conditions=source test/bench/append.ts [seconds] [events a chunk] [chunks at once] [seal]`.
 */
const [seconds = '10', chunk = '500', lanes = '8', sealing = ''] = process.argv.slice(2);
const SAMPLE = 40_000;

await withJournal(async (journal, server) => {
  const events = sampleEvents(SAMPLE);
  print(
    `${SAMPLE} events of ${Math.round(events.reduce((sum, { raw }) => sum + raw.length, 0) / SAMPLE)} bytes`,
  );
  const costs = (): Map<number, ReturnType<typeof costOfTree>[number]> =>
    new Map([...costOfTree(process.pid), ...costOfTree(server.pid)].map((cost) => [cost.pid, cost]));
  const before = costs();
  const began = performance.now();
  const until = began + Number(seconds) * 1000;
  const waits: number[] = [];
  let recorded = 0;
  let from = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < until) {
      const part = events
        .slice(from, from + Number(chunk))
        .map((event) => ({ ...event, eventId: randomUUID() }));
      from = (from + Number(chunk)) % (SAMPLE - Number(chunk));
      const sent = performance.now();
      await journal.append({ source: 'key:bench', received: part.length, refused: 0, events: part });
      waits.push(performance.now() - sent);
      recorded += part.length;
    }
  };
  const sealer = async (): Promise<void> => {
    while (sealing !== '' && performance.now() < until) {
      await journal.sealer.sealTail();
      await delay(100);
    }
  };
  await Promise.all([sealer(), ...Array.from({ length: Number(lanes) }, lane)]);
  const wall = (performance.now() - began) / 1000;
  const used = [...costs().values()].map(({ pid, command, cpuSeconds, peakMegabytes }) => {
    const cpu = cpuSeconds - (before.get(pid)?.cpuSeconds ?? 0);
    return { command: command.slice(0, 60), cpu, peakMegabytes };
  });
  const total = used.reduce((sum, { cpu }) => sum + cpu, 0);
  print(`${Math.round(recorded / wall)} events/s, ${Math.round(recorded / total)} per CPU-second`);
  print(`answer p50 ${quantile(waits, 0.5).toFixed(1)} ms, p99 ${quantile(waits, 0.99).toFixed(1)} ms`);
  for (const { command, cpu, peakMegabytes } of used) {
    if (cpu > 0.05)
      print(
        `${cpu.toFixed(2)} s, ${Math.round((cpu / wall) * 100)}%, ${Math.round(peakMegabytes)} MB: ${command}`,
      );
  }
});
