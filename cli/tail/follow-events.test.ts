import { expect, it } from 'vitest';
import { CairnClient, PlatformError } from '#cli/client';
import { followEvents } from '#cli/tail/follow-events';

interface Told {
  readonly eventId: string;
}

const message = (n: number): string =>
  `event: next\ndata: ${JSON.stringify({ data: { eventRecorded: { cursor: `c${n}`, event: { eventId: `e${n}` } } } })}\n\n`;
const refusal = (code: string): string =>
  JSON.stringify({ errors: [{ message: 'No.', extensions: { code } }] });

/** A platform that answers so, one answer after the other, and remembers what it was asked. */
class Answering extends CairnClient {
  readonly asked: unknown[] = [];
  readonly #answers: (() => Response)[];

  constructor(answers: (() => Response)[]) {
    super({ url: 'http://127.0.0.1:1', apiKey: 'cairn_a_b' });
    this.#answers = answers;
  }

  override request(_path: string, { body }: RequestInit): Promise<Response> {
    this.asked.push((JSON.parse(typeof body === 'string' ? body : '') as { variables: unknown }).variables);
    const answer = this.#answers.shift();
    return answer ? Promise.resolve(answer()) : Promise.reject(new TypeError('nobody there'));
  }
}

async function follow(client: CairnClient, count: number): Promise<{ told: string[]; lost: string[] }> {
  const stop = new AbortController();
  const [told, lost]: [string[], string[]] = [[], []];
  const events = followEvents<Told>(client, {
    query: 'subscription { x }',
    filter: null,
    since: '2026-11-23T00:00:00.000Z',
    after: null,
    signal: stop.signal,
    onLost: (reason) => lost.push(reason),
  });
  for await (const { eventId } of events) {
    told.push(eventId);
    if (told.length === count) stop.abort();
  }
  return { told, lost };
}

it('goes on behind the last event told, whatever ended the stream', async () => {
  const client = new Answering([
    () => new Response('<html>Bad Gateway</html>', { status: 502 }),
    () => new Response(`:\n\n${message(1)}${message(2)}event: comp`),
    () => new Response(refusal('UNAVAILABLE'), { status: 503 }),
    () => new Response(`${message(3)}event: next\ndata: ${refusal('SLOW_CONSUMER')}\n\n`),
    () => new Response(message(4)),
  ]);
  const { told, lost } = await follow(client, 4);
  expect(told).toEqual(['e1', 'e2', 'e3', 'e4']);
  const since = '2026-11-23T00:00:00.000Z';
  expect(client.asked).toEqual([
    { filter: null, after: null, since },
    { filter: null, after: null, since },
    { filter: null, after: 'c2', since: null },
    { filter: null, after: 'c2', since: null },
    { filter: null, after: 'c3', since: null },
  ]);
  expect(lost).toEqual(['HTTP 502', 'the stream ended', 'No.', 'No.']);
});

it('ends with what will not be another time', async () => {
  const client = new Answering([() => new Response(refusal('UNAUTHENTICATED'), { status: 401 })]);
  await expect(follow(client, 1)).rejects.toThrow(PlatformError);
  expect(client.asked).toHaveLength(1);
});
