import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { jobs } from '#domain/jobs';
import type { JobDefinition } from '#domain/jobs';
import { Hopeless } from '#platform/queue/queue';
import { bindJobs, defineJob } from '#workers/jobs/kit';
import type { JobContext } from '#workers/jobs/kit';

const greet: JobDefinition<{ name: string }> = {
  name: 'greet',
  payload: z.strictObject({ name: z.string() }),
  attempts: 1,
  backOff: { kind: 'fixed', delayMs: 1 },
  concurrencyKey: ({ name }) => `greet/${name}`,
};
const leave: JobDefinition<{ name: string }> = { ...greet, name: 'leave' };
const context: JobContext = {
  runId: 'r',
  signal: new AbortController().signal,
  progress: () => Promise.resolve(),
};

describe('a job with its handler', () => {
  it('hands the parsed payload over', async () => {
    const job = defineJob(greet, ({ name }) => Promise.resolve({ text: `hello ${name}` }));
    const prepared = job.prepare({ name: 'Ada' });
    expect(prepared.concurrencyKey).toBe('greet/Ada');
    expect(await prepared.run(context)).toEqual({ text: 'hello Ada' });
  });

  it('refuses a payload that is not the definition’s, for good', () => {
    const job = defineJob(greet, () => Promise.resolve({}));
    expect(() => job.prepare({ name: 1 })).toThrow(Hopeless);
    expect(() => job.prepare({ name: 'Ada', more: true })).toThrow('greet is malformed');
  });
});

describe('the check at the start of a process', () => {
  const greeter = defineJob(greet, () => Promise.resolve({}));
  const leaver = defineJob(leave, () => Promise.resolve({}));

  it('passes when every definition has its handler', () => {
    expect([...bindJobs([greet, leave], [leaver, greeter]).keys()]).toEqual(['leave', 'greet']);
  });

  it('names every job without a handler, with two, or without a definition', () => {
    expect(() => bindJobs([greet, leave], [greeter])).toThrow('leave has no handler.');
    expect(() => bindJobs([greet], [greeter, greeter])).toThrow('greet has two handlers.');
    expect(() => bindJobs([], [greeter])).toThrow('greet is not among the definitions.');
  });
});

describe('the definitions', () => {
  it('carry the name that they are known by', () => {
    for (const [key, definition] of Object.entries(jobs)) expect(definition.name).toBe(key);
  });
});
