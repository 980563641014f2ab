import type { Agent } from 'node:http';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { EXAMPLE_ACCOUNTS, generateEvents } from '#domain/generator/events';

export interface Target {
  readonly url: string;
  readonly apiKey: string;
  /** Keeps connections open between requests. */
  readonly agent: Agent;
}

interface Answer {
  readonly status: number;
  readonly retryAfter: number;
  readonly text: string;
}

const SEED = 20_260;
const DAY_MS = 86_400_000;
/** The month that the events lie in: the 30 days before today. */
export const TO = Math.floor(Date.now() / DAY_MS) * DAY_MS;
export const FROM = TO - 30 * DAY_MS;
const BODY_EVENTS = 10_000;
const IN_FLIGHT = 4;

/** Events that no other `run` has, about in order of time as a log shipper would bring them. */
export function generate(
  run: number,
  count: number,
  [from, to] = [FROM, TO],
  accounts: readonly string[] = EXAMPLE_ACCOUNTS,
): Buffer[] {
  const options = { seed: SEED, run, count, from, to, accounts };
  return generateEvents(options)
    .map((text) => Buffer.from(text))
    .toArray();
}

/** NDJSON bodies of 10,000 events each. */
export function bodiesOf(events: readonly Buffer[]): Buffer[] {
  const newline = Buffer.from('\n');
  const bodies: Buffer[] = [];
  for (let start = 0; start < events.length; start += BODY_EVENTS) {
    const part = events.slice(start, start + BODY_EVENTS);
    bodies.push(Buffer.concat(part.flatMap((event) => [event, newline])));
  }
  return bodies;
}

/** Sends the bodies, four at a time; resolves with the number of events recorded when all are answered. */
export async function send(target: Target, bodies: readonly Buffer[]): Promise<number> {
  const queue = bodies.values();
  const sender = async (): Promise<number> => {
    let recorded = 0;
    for (const body of queue) recorded += await sendOne(target, body);
    return recorded;
  };
  const counts = await Promise.all(Array.from({ length: IN_FLIGHT }, sender));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Repeats a body that is told to wait; what was recorded of it before is answered as duplicates then. */
async function sendOne(target: Target, body: Buffer): Promise<number> {
  let recorded = 0;
  for (;;) {
    const answer = await post(target, '/v1/events?import=bench', body);
    const report = JSON.parse(answer.text) as { recorded?: number; refused?: number; conflicts?: number };
    recorded += report.recorded ?? 0;
    if (answer.status === 429 || answer.status === 503) {
      await delay(1000 * answer.retryAfter);
      continue;
    }
    if (answer.status !== 200 || (report.refused ?? 0) + (report.conflicts ?? 0) > 0) {
      throw new Error(`The bulk door answered ${answer.status}: ${answer.text.slice(0, 500)}`);
    }
    return recorded;
  }
}

/** Plain node:http: fetch costs the sender twice the CPU, on the same cores. */
export function post({ url, apiKey, agent }: Target, path: string, body: Buffer | string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const sent = request(new URL(path, url), { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          retryAfter: Number(response.headers['retry-after'] ?? 1),
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
