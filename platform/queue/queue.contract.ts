import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Hopeless, Postponed } from '#platform/queue/queue';
import type { JobKind, Queue, QueueHandler, QueuedJob } from '#platform/queue/queue';

const ONCE: JobKind = { name: 'once', attempts: 1, backOff: { kind: 'fixed', delayMs: 10 } };
const THRICE: JobKind = { name: 'thrice', attempts: 3, backOff: { kind: 'exponential', delayMs: 20 } };

/** What every queue must do. `open` gives another end of the queue of this name at each call. */
export function describeQueue(name: string, open: (queueName: string) => Queue): void {
  describe(`${name} is a queue`, () => {
    let producer: Queue;
    let worker: Queue;

    beforeEach(() => {
      const queueName = `q${randomUUID()}`;
      producer = open(queueName);
      worker = open(queueName);
    });

    afterEach(async () => {
      await producer.close();
      await worker.close();
    });

    it('gives a job with its payload to the handler of its name, once', async () => {
      const runs = new Runs();
      await worker.process(runs.handlers({ once: () => Promise.resolve(), thrice: () => Promise.resolve() }));
      await producer.add(ONCE, { text: 'é "\\', list: [1, null] }, { id: 'a-1' });
      await producer.add(THRICE, {}, { id: 'b-1' });
      await runs.count(2);
      const { signal, ...job } = runs.of('a-1')[0] ?? never();
      expect(job).toEqual({
        id: 'a-1',
        name: 'once',
        payload: { text: 'é "\\', list: [1, null] },
        attempt: 1,
        lastAttempt: true,
        scheduled: false,
      });
      expect(signal.aborted).toBe(false);
      await until(async () => (await producer.find('a-1')) === 'done');
      expect(runs.of('b-1')).toHaveLength(1);
    });

    it('keeps jobs until somebody takes them, and an id that it holds is not added twice', async () => {
      await producer.add(ONCE, { first: true }, { id: 'same' });
      await producer.add(ONCE, { first: false }, { id: 'same' });
      expect(await worker.find('same')).toBe('pending');
      expect(await worker.find('other')).toBe('unknown');
      expect(await producer.counts()).toEqual({ pending: 1, active: 0, dead: 0 });
      const runs = new Runs();
      await worker.process(runs.handlers({ once: () => Promise.resolve() }));
      await until(async () => (await producer.find('same')) === 'done');
      await producer.add(ONCE, { first: false }, { id: 'same' });
      await producer.add(ONCE, {}, { id: 'end' });
      await until(async () => (await producer.find('end')) === 'done');
      expect(runs.of('same').map((job) => job.payload)).toEqual([{ first: true }]);

      expect([await producer.forget('same'), await producer.forget('same')]).toEqual([true, false]);
      await producer.add(ONCE, { first: 'again' }, { id: 'same' });
      await until(async () => (await producer.find('same')) === 'done');
      expect(runs.of('same').at(-1)?.payload).toEqual({ first: 'again' });
    });

    it('tries again after a failure, and says which attempt it is', async () => {
      const runs = new Runs();
      const handler: QueueHandler = (job) =>
        job.attempt < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve();
      await worker.process(runs.handlers({ thrice: handler }));
      await producer.add(THRICE, {}, { id: 'stubborn' });
      await until(async () => (await producer.find('stubborn')) === 'done');
      expect(runs.of('stubborn').map((job) => [job.attempt, job.lastAttempt])).toEqual([
        [1, false],
        [2, false],
        [3, true],
      ]);
      expect(await producer.deadLetters(10)).toEqual([]);
    });

    it('keeps what failed for good as a dead letter, which can be revived', async () => {
      let broken = true;
      const runs = new Runs();
      const handler: QueueHandler = () => (broken ? Promise.reject(new Error('broken')) : Promise.resolve());
      await worker.process(runs.handlers({ thrice: handler }));
      await producer.add(THRICE, { n: 1 }, { id: 'sad' });
      await until(async () => (await producer.find('sad')) === 'dead');
      expect(runs.of('sad')).toHaveLength(3);
      expect(await producer.deadLetters(10)).toEqual([
        { id: 'sad', name: 'thrice', payload: { n: 1 }, reason: 'broken' },
      ]);
      expect((await producer.counts()).dead).toBe(1);

      broken = false;
      expect(await producer.revive('sad')).toBe(true);
      await until(async () => (await producer.find('sad')) === 'done');
      expect(runs.of('sad')[3]?.attempt).toBe(1);
      expect(await producer.revive('sad')).toBe(false);
      expect(await producer.revive('nobody')).toBe(false);
    });

    it('does not retry what is hopeless, nor what nobody handles', async () => {
      const runs = new Runs();
      await worker.process(runs.handlers({ thrice: () => Promise.reject(new Hopeless('bad payload')) }));
      await producer.add(THRICE, {}, { id: 'bad' });
      await producer.add(ONCE, {}, { id: 'foreign' });
      await until(async () => (await producer.counts()).dead === 2);
      expect(runs.of('bad')).toHaveLength(1);
      const reasons = (await producer.deadLetters(10)).map((letter) => [letter.id, letter.reason]);
      expect(Object.fromEntries(reasons)).toEqual({
        bad: 'bad payload',
        foreign: 'No handler is named for jobs "once".',
      });
    });

    it('does not count a postponed attempt', async () => {
      const runs = new Runs();
      const handler: QueueHandler = () =>
        runs.of('later').length < 3 ? Promise.reject(new Postponed(20)) : Promise.resolve();
      await worker.process(runs.handlers({ once: handler }));
      await producer.add(ONCE, {}, { id: 'later' });
      await until(async () => (await producer.find('later')) === 'done');
      expect(runs.of('later').map((job) => job.attempt)).toEqual([1, 1, 1]);
    });

    it('runs a schedule again and again, through failures; ends those it is not told to keep', async () => {
      const runs = new Runs();
      await producer.schedule(ONCE, { everyMs: 50 });
      await worker.schedule(ONCE, { everyMs: 50 });
      await worker.schedule(THRICE, { cron: '0 0 3 1 1 *' });
      await worker.keepSchedules(['once', 'thrice']);
      await worker.process(runs.handlers({ once: () => Promise.reject(new Error('always')) }));
      await runs.count(3);
      expect(runs.all[0]).toMatchObject({ name: 'once', payload: {}, scheduled: true });
      await worker.keepSchedules([]);
      expect(await producer.deadLetters(10)).toEqual([]);
    });

    it('sets up again the schedules that it does not know, and leaves the others alone', async () => {
      const yearly = { kind: THRICE, schedule: { cron: '0 0 3 1 1 *' } };
      const often = { kind: ONCE, schedule: { everyMs: 50 } };
      expect(await producer.restoreSchedules([yearly])).toBe(1);
      expect(await worker.restoreSchedules([yearly, often])).toBe(1);
      expect(await worker.restoreSchedules([yearly, often])).toBe(0);
      await worker.keepSchedules([]);
      expect(await worker.restoreSchedules([often])).toBe(1);
      const runs = new Runs();
      await worker.process(runs.handlers({ once: () => Promise.resolve() }));
      await runs.count(2);
      await worker.keepSchedules([]);
    });

    it('closes: aborts the running job, gives it back uncounted, and another takes it', async () => {
      const first = new Runs();
      const handler: QueueHandler = async (job) => {
        await new Promise((resolve) => job.signal.addEventListener('abort', resolve, { once: true }));
        throw new Error('stopped in the middle');
      };
      await worker.process(first.handlers({ once: handler }));
      await producer.add(ONCE, {}, { id: 'handed-over' });
      await first.count(1);
      await worker.close();
      const second = new Runs();
      await producer.process(second.handlers({ once: () => Promise.resolve() }));
      await until(async () => (await producer.find('handed-over')) === 'done');
      expect(second.of('handed-over')[0]?.attempt).toBe(1);
      await expect(worker.add(ONCE, {}, { id: 'late' })).rejects.toThrow('closed');
      await worker.close();
    });
  });
}

/** What the handlers of a test were given. */
export class Runs {
  readonly all: QueuedJob[] = [];
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  handlers(handlers: Record<string, QueueHandler>): Map<string, QueueHandler> {
    return new Map(
      Object.entries(handlers).map(([name, handler]) => [
        name,
        (job) => {
          this.all.push(job);
          for (const { count, resolve } of this.#waiting) if (this.all.length >= count) resolve();
          return handler(job);
        },
      ]),
    );
  }

  of(id: string): QueuedJob[] {
    return this.all.filter((job) => job.id === id);
  }

  /** Resolves when handlers were called this often. */
  count(count: number): Promise<void> {
    if (this.all.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }
}

/** Polls; the test's own time-out ends it. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

function never(): never {
  throw new Error('The handler was not called.');
}
