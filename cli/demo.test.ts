import { expect, it } from 'vitest';
import { PlatformError } from '#cli/client';
import { DEMO_SEARCHES, runDemo } from '#cli/demo';
import { CairnError } from '#domain/errors';
import { parseFilterExpression } from '#domain/filter/expression';
import { demoMonth } from '#domain/generator/demo';

const CREATED = '2026-11-01T10:00:00.000Z';

/** A platform that records each text once and lists the accounts' beginning; `trouble` comes before each answer. */
function platform(trouble: () => void = () => undefined) {
  const recorded = new Set<string>();
  const bodies: number[] = [];
  let accounts = 0;
  return {
    recorded,
    bodies,
    client: {
      query: <T>(document: string): Promise<T> => {
        const exists = accounts++ >= 2;
        const answer = document.includes('createAccount')
          ? { createAccount: { userErrors: exists ? [{ code: 'ALREADY_EXISTS', message: '' }] : [] } }
          : { account: { createdAt: CREATED } };
        return Promise.resolve(answer as T);
      },
      request: (_path: string, init: RequestInit): Promise<Response> => {
        trouble();
        const events = (init.body as string).split('\n');
        const before = recorded.size;
        for (const event of events) recorded.add(event);
        bodies.push(events.length);
        return Promise.resolve(Response.json({ received: events.length, recorded: recorded.size - before }));
      },
    },
  };
}

async function run(
  client: ReturnType<typeof platform>['client'],
  until: (lines: readonly string[]) => boolean,
) {
  const stop = new AbortController();
  const lines: string[] = [];
  const print = (line: string): void => {
    lines.push(line);
    if (until(lines)) stop.abort();
  };
  await runDemo({ client, signal: stop.signal, print });
  return lines;
}

const atLive = (lines: readonly string[]): boolean => lines.at(-1)?.includes('events a second') ?? false;

it('records the month once, however often it is started', async () => {
  const { client, recorded } = platform();
  expect((await run(client, atLive))[0]).toContain('2000 events of a month recorded.');
  const first = recorded.size;
  expect((await run(client, atLive))[0]).toContain('0 events of a month recorded; 2000 were there already');
  expect(recorded.size).toBe(first);
});

it('suggests searches that the command line takes', async () => {
  const lines = await run(platform().client, atLive);
  const filters = lines.flatMap((line) => /--filter '([^']+)'/.exec(line)?.[1] ?? []);
  expect(filters).toHaveLength(DEMO_SEARCHES.length);
  const offered = new Set(demoMonth(Date.parse(CREATED)).incidents.map(({ filter }) => filter));
  for (const filter of filters) {
    expect(() => parseFilterExpression(filter)).not.toThrow();
    expect(offered).toContain(filter);
  }
});

it('goes on with other events after the month, and ends when told', async () => {
  const stop = new AbortController();
  const { client, bodies } = platform(() => bodies.length === 2 && stop.abort());
  await runDemo({ client, signal: stop.signal, print: () => undefined });
  expect(bodies).toHaveLength(3);
  expect(bodies[1]).toBeLessThan(10);
});

it('waits while the platform restarts, and says what it cannot mend', async () => {
  let times = 0;
  const busy = platform(() => {
    if (++times === 1) throw new CairnError('UNAVAILABLE', 'restarting', { retryAfter: 0.01 });
  });
  expect((await run(busy.client, atLive))[0]).toContain('2000 events');
  const refusing = platform(() => {
    throw new PlatformError('FORBIDDEN', 'no');
  });
  await expect(run(refusing.client, atLive)).rejects.toThrow('no');
});
