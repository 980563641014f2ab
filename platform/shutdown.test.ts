import { expect, test, vi } from 'vitest';

import { Shutdown, STAGE, onStopSignals } from '#platform/shutdown';

function recorder() {
  const told: unknown[] = [];
  const log = { info: () => undefined, error: (fields: unknown) => void told.push(fields) };
  return { told, shutdown: new Shutdown(log) };
}

test('stages end in order, each whole before the next', async () => {
  const { shutdown } = recorder();
  const order: string[] = [];
  const step = (name: string, stage: number, turns: number): void =>
    shutdown.add({
      name,
      stage,
      timeout: 1_000,
      run: async () => {
        for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
        order.push(name);
      },
    });
  step('postgres', STAGE.services, 0);
  step('slow request', STAGE.doors, 20);
  step('request', STAGE.doors, 1);
  step('queue', STAGE.work, 5);
  expect(shutdown.begun).toBe(false);
  const first = shutdown.run('test');
  expect(shutdown.begun).toBe(true);
  expect(await Promise.all([first, shutdown.run('again')])).toEqual([true, true]);
  expect(order).toEqual(['request', 'slow request', 'queue', 'postgres']);
});

test('what fails or hangs is told and does not keep the rest', async () => {
  const { shutdown, told } = recorder();
  const ended: string[] = [];
  shutdown.add({ name: 'broken', stage: 0, timeout: 1_000, run: () => Promise.reject(new Error('no')) });
  shutdown.add({ name: 'hanging', stage: 0, timeout: 10, run: () => new Promise(() => undefined) });
  shutdown.add({
    name: 'last',
    stage: 9,
    timeout: 1_000,
    run: () => Promise.resolve(void ended.push('last')),
  });
  expect(await shutdown.run('test')).toBe(false);
  expect(ended).toEqual(['last']);
  expect(told).toEqual([
    { step: 'broken', error: new Error('no') },
    { step: 'hanging', error: new Error('did not end within 10 ms') },
  ]);
});

test('what is added after the end began ends at once', async () => {
  const { shutdown } = recorder();
  expect(await shutdown.run('test')).toBe(true);
  const late = (run: () => Promise<void>): void =>
    shutdown.add({ name: 'late', stage: 0, timeout: 100, run });
  let ended = false;
  late(async () => {
    await Promise.resolve();
    ended = true;
  });
  expect(await shutdown.run('again')).toBe(true);
  expect(ended).toBe(true);
  late(() => Promise.reject(new Error('no')));
  expect(await shutdown.run('again')).toBe(false);
});

test('a second signal is known from the first, and from its echo', () => {
  vi.useFakeTimers();
  const heard: unknown[] = [];
  const before = process.listenerCount('SIGINT');
  const forget = onStopSignals((signal, again) => heard.push([signal, again]));
  process.emit('SIGTERM', 'SIGTERM');
  process.emit('SIGINT', 'SIGINT');
  vi.advanceTimersByTime(1_500);
  process.emit('SIGINT', 'SIGINT');
  forget();
  vi.useRealTimers();
  expect(process.listenerCount('SIGINT')).toBe(before);
  expect(heard).toEqual([
    ['SIGTERM', false],
    ['SIGINT', true],
  ]);
});
