import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { verifyJournal } from '#journal/verify/verify';
import { FileKeyProvider } from '#platform/keys';
import { DOOMED, type ChildAck, type ChildTask } from '#test/crash/child-task';
import { createJournalBed, type JournalBed } from '#test/journal-bed';

/** Every place between two actions where a process may die. */
const STEPS = [
  'key.stored',
  'key.added',
  'append.prepared',
  'append.committed',
  'flipped',
  'built',
  'put',
  'read-back',
  'committed',
  'tiles',
  'checkpoint',
  'anchored',
  'erase.decided',
  'erase.deleted',
  'erase.recorded',
] as const;

/** Two children a round, one of them killed by the clock. */
const LEAST_ROUNDS = 52;
/** Which child gets to a step is chance: rounds go on until a child has died at every one of them. */
const MOST_ROUNDS = 150;
/** A child that is to die at a step may not get there: the other one may do all the sealing. */
const LONGEST_MS = 2000;

/** What the acknowledged events of a lane are, by number. */
type Acknowledged = Map<number, number>;

it('keeps every acknowledged event once, however often its writers are killed', async () => {
  await using bed = await createJournalBed({ onDisk: true });
  await (await bed.open()).close();
  const lanes = new Map<string, Acknowledged>([
    ['left', new Map()],
    ['right', new Map()],
  ]);
  /** The steps at which children have died. */
  const deaths = new Set<string>();
  let kills = 0;
  const missing = (): readonly string[] => STEPS.filter((step) => !deaths.has(step));
  for (let round = 0; round < LEAST_ROUNDS || (missing().length > 0 && round < MOST_ROUNDS); round++) {
    const steps = round < LEAST_ROUNDS ? STEPS : missing();
    const step = steps[round % steps.length] ?? 'put';
    const die = { step, at: 1 + (round % 4) };
    const run = (of: Pick<ChildTask, 'lane' | 'die' | 'erases'>): Promise<void> =>
      runChild(bed, { ...of, acknowledged: lanes.get(of.lane) ?? new Map(), deaths });
    await Promise.all([
      run({ lane: 'left', die, erases: step.startsWith('erase') }),
      run({ lane: 'right', die: undefined, erases: round % 5 === 0 }),
    ]);
    kills += 2;
  }
  expect(missing()).toEqual([]);
  expect(kills).toBeGreaterThanOrEqual(100);
  await checkJournal(bed, lanes);
}, 600_000);

interface ChildRun extends Pick<ChildTask, 'lane' | 'die' | 'erases'> {
  readonly acknowledged: Acknowledged;
  readonly deaths: Set<string>;
}

/** Runs a child until it is killed. */
async function runChild(bed: JournalBed, { acknowledged, deaths, ...of }: ChildRun): Promise<void> {
  const task: ChildTask = { ...of, url: bed.database.url, folder: bed.folder, from: acknowledged.size };
  const child = spawn(
    process.execPath,
    ['--conditions=source', 'test/crash/journal-child.ts', JSON.stringify(task)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_COMPILE_CACHE: join(bed.folder, 'compiled') },
    },
  );
  let errors = '';
  child.stderr.on('data', (data: Buffer) => {
    errors += data.toString();
  });
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    if (line.startsWith('died at ')) {
      deaths.add(line.slice(8));
      return;
    }
    if (line === 'ready') {
      void delay(of.die === undefined ? Math.random() * 200 : LONGEST_MS, undefined, { ref: false }).then(
        () => child.kill('SIGKILL'),
      );
      return;
    }
    const ack: ChildAck = JSON.parse(line);
    for (const [at, position] of ack.positions.entries()) acknowledged.set(ack.from + at, position);
  });
  await ended;
  if (child.signalCode !== 'SIGKILL') throw new Error(`${of.lane} ended with ${child.exitCode}: ${errors}`);
}

async function checkJournal(bed: JournalBed, lanes: ReadonlyMap<string, Acknowledged>): Promise<void> {
  const journal = await bed.open();
  await journal.sealer.sealTail({ force: true });
  const head = await journal.head();
  expect(head.epoch).toBe(0);

  const seen = new Map<string, number>();
  for (let next = { epoch: 0, position: 0 }; next.position < head.position;) {
    const slice = await journal.read(next, 1000);
    for (const event of slice.events) {
      expect(seen.has(event.eventId)).toBe(false);
      seen.set(event.eventId, event.place.position);
    }
    next = slice.next;
  }
  for (const [lane, acknowledged] of lanes) {
    expect(acknowledged.size).toBeGreaterThan(50);
    for (const [number, position] of acknowledged) expect(seen.get(`${lane}-${number}`)).toBe(position);
  }

  const counters = await journal.counters();
  for (const { received, accepted, duplicate, conflict, refused } of counters) {
    expect(received).toBe(accepted + duplicate + conflict + refused);
    expect([conflict, refused]).toEqual([0, 0]);
  }
  expect(counters.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(head.position);
  const doomed = counters.find(({ source }) => source === 'key:doomed')?.accepted ?? 0;
  expect(doomed).toBeGreaterThan(0);
  await journal.erase({ account: DOOMED, before: undefined });
  expect(seen.size).toBeGreaterThanOrEqual(head.position - doomed);

  const { objects, keyObjects, anchor } = bed;
  const keys = await FileKeyProvider.open(`${bed.folder}/master.key`);
  const report = await verifyJournal({ objects, keyObjects, anchor, keys });
  expect(report.findings.filter(({ kind }) => kind === 'missing' || kind === 'tampered')).toEqual([]);
  expect(report).toMatchObject({ ok: true, position: head.position, events: head.position, unsigned: 0 });
  expect(report.counters.toSorted((a, b) => (a.source < b.source ? -1 : 1))).toEqual(counters);
}
