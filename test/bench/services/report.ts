import type { ServicesResult } from '#test/bench/services/services';

const number = (value: number): string => Math.round(value).toLocaleString('en');
const ms = (value: number): string => value.toFixed(1);
const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** A section of docs/benchmarks.md. */
export function renderServices({ events, engines, carriers, stores }: ServicesResult): string {
  return `
## The real services beside what is embedded

\`npm run bench -- --services\`: the same work, one after the other, in one run, all on this machine; milliseconds.

Event history, ${number(events)} events in slices of 10,000, then pages of 50 rows of the index alone (200 seeded filters
after 200 others; \`hard\` are prefixes, networks and words). CPU counts our process and the engine's.

| | events/s | events per CPU-second | p50 | p95 | hard p50 | hard p95 |
|---|---:|---:|---:|---:|---:|---:|
${engines
  .map(({ engine, eventsPerSecond, eventsPerCpuSecond, plain, hard }) =>
    row(
      engine,
      number(eventsPerSecond),
      number(eventsPerCpuSecond),
      ms(plain[0]),
      ms(plain[1]),
      ms(hard[0]),
      ms(hard[1]),
    ),
  )
  .join('\n')}

Queue (1,000 jobs that do nothing, added by eight callers, worked on by one process) and doorbell.

| | jobs/s | ring p50 | ring p99 |
|---|---:|---:|---:|
${carriers
  .map(({ carrier, jobsPerSecond, ring }) => row(carrier, number(jobsPerSecond), ms(ring[0]), ms(ring[1])))
  .join('\n')}

Objects: medians of putting a segment of 8 MB and a wrapped key of 100 bytes, if absent, and of reading 50 ranges of
16 KB at once.

| | segment | key | 50 ranges |
|---|---:|---:|---:|
${stores
  .map(({ store, segmentMs, keyMs, pageMs }) => row(store, ms(segmentMs), ms(keyMs), ms(pageMs)))
  .join('\n')}
`;
}
