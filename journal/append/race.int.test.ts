import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { createJournalBed, readAll } from '#test/journal-bed';

type Child = ChildProcessByStdio<Writable, Readable, null>;

interface Told {
  readonly number: number;
  readonly result: string;
  readonly place: { readonly epoch: number; readonly position: number };
}

it('lets one of two processes win each identity, and tells the other where it is', async () => {
  await using bed = await createJournalBed({ onDisk: true });
  const journal = await bed.open();
  const writers = ['up', 'down'].map((direction) => startWriter([bed.database.url, bed.folder, direction]));
  await Promise.all(writers.map(({ ready }) => ready));
  for (const { child } of writers) child.stdin.write('go\n');
  await Promise.all(writers.map(({ ended }) => ended));

  const told = writers.map((writer) => writer.told.toSorted((a, b) => a.number - b.number));
  const [up = [], down = []] = told;
  expect([up.length, down.length]).toEqual([1000, 1000]);
  for (const [number, a] of up.entries()) {
    const b = down[number];
    expect(new Set([a.result, b?.result])).toEqual(new Set(['DUPLICATE', 'RECORDED']));
    expect(b?.place).toEqual(a.place);
  }
  for (const events of told) {
    expect(events.filter(({ result }) => result === 'RECORDED').length).toBeGreaterThanOrEqual(250);
  }
  expect((await readAll(journal)).positions).toEqual(Array.from({ length: 1000 }, (_, at) => at));
  for (const { received, accepted, duplicate } of await journal.counters()) {
    expect([received, accepted + duplicate]).toEqual([1000, 1000]);
  }
});

function startWriter(args: readonly string[]): {
  child: Child;
  told: Told[];
  ready: Promise<unknown>;
  ended: Promise<unknown>;
} {
  const script = ['--conditions=source', 'test/children/racing-writer.ts'];
  const child = spawn(process.execPath, [...script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const told: Told[] = [];
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (line === 'ready') {
        resolve();
        return;
      }
      const outcomes: Told[] = JSON.parse(line);
      told.push(...outcomes);
    });
  });
  return { child, told, ready, ended: once(lines, 'close') };
}
