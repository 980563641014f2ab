import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { EventFilterInput } from '#domain/filter/input';
import { graphql } from '#test/acceptance/client';
import { plainFilters } from '#test/bench/filters';
import type { FloodOrder, FloodTally } from '#test/bench/flood';
import { bodiesOf, generate, post, send } from '#test/bench/load';
import { PAGE } from '#test/bench/pages';
import { becomesZero, type Product, startProduct } from '#test/bench/product';
import { median, quantile } from '#test/bench/statistics';

/** What the victim meets, in milliseconds: medians of the rounds. */
export interface Fairness {
  readonly limits: Limits;
  readonly flood: string;
  readonly pages: Share;
  readonly recording: Share;
  /** What the flood was answered, by status, in all rounds. */
  readonly answers: FloodTally;
}

/** `as shipped`: what keys may ask and send in a minute by default. */
export type Limits = 'as shipped' | 'none';

export interface Share {
  readonly aloneP50: number;
  readonly aloneP95: number;
  readonly p50: number;
  readonly p95: number;
  /** p95 flooded over p95 alone, of each round; then the median. */
  readonly ratio: number;
}

export interface FairnessSize {
  readonly rounds: number;
  readonly seconds: number;
  readonly say: (line: string) => void;
}

const VICTIM = '111122223333';
const FLOODER = '444455556666';
const EVENTS = 50_000;
/** Between two pages, and between two batches; later when the one before is not answered yet. */
const EVERY_MS = 80;
const BATCH = 10;
/** What may be used at once is used up then. */
const WARM_MS = 8_000;
/** On a machine of its own it would take nothing from ours. */
const LOWEST_PRIORITY = 19;
/** An empty variable is an unset one. */
const VARIABLES: Readonly<Record<Limits, Readonly<Record<string, string>>>> = {
  'as shipped': { CAIRN_QUERY_COST_PER_MINUTE: '', CAIRN_RECORD_BYTES_PER_MINUTE: '' },
  none: {},
};
const FLOODS = [
  { flood: '32 connections of queries that cost 802', askers: 32, senders: 0 },
  { flood: '12 connections of bodies of 10,000 events', askers: 0, senders: 12 },
  { flood: 'both', askers: 32, senders: 12 },
] as const;

/** One account asks and records now and then, alone and while another one floods. */
export async function benchFairness(size: FairnessSize): Promise<readonly Fairness[]> {
  return [...(await benchUnder('as shipped', size)), ...(await benchUnder('none', size))];
}

async function benchUnder(
  limits: Limits,
  { rounds, seconds, say }: FairnessSize,
): Promise<readonly Fairness[]> {
  await using product = await startProduct(VARIABLES[limits]);
  const victim = await newKey(product, VICTIM);
  const flooder = await newKey(product, FLOODER);
  const kept = generate(1_500, EVENTS, undefined, [VICTIM, FLOODER]);
  await send(product, bodiesOf(kept));
  await becomesZero('events behind', () => product.eventsBehind());
  const filters = plainFilters(kept.slice(0, 2_000), 200, 17);
  const caller = new Victim({ ...product, apiKey: victim }, filters);
  await caller.live(WARM_MS);
  const measured = FLOODS.map(() => ({ alone: [] as Times[], flooded: [] as Times[], answers: {} }));
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, { flood, askers, senders }] of FLOODS.entries()) {
      const results = measured[index];
      if (results === undefined) continue;
      await becomesZero('events behind', () => product.eventsBehind());
      results.alone.push(await caller.live(seconds * 1_000));
      const run = 1_600 + round * FLOODS.length + index;
      const order = { url: product.url, apiKey: flooder, account: FLOODER, askers, senders, run };
      await using flooding = await startFlood(order);
      await caller.live(WARM_MS);
      results.flooded.push(await caller.live(seconds * 1_000));
      for (const [status, count] of Object.entries(flooding.tally())) {
        const answers: Record<string, number> = results.answers;
        answers[status] = (answers[status] ?? 0) + count;
      }
      say(`fairness, limits ${limits}, ${flood}: ${JSON.stringify(shareOf(results, 'pages'))}`);
      say(`  recording: ${JSON.stringify(shareOf(results, 'recording'))} ${JSON.stringify(results.answers)}`);
    }
  }
  return FLOODS.flatMap(({ flood }, index) => {
    const results = measured[index];
    if (results === undefined) return [];
    const shares = { pages: shareOf(results, 'pages'), recording: shareOf(results, 'recording') };
    return [{ limits, flood, ...shares, answers: results.answers }];
  });
}

interface Times {
  readonly pages: readonly number[];
  readonly recording: readonly number[];
}

function shareOf(
  { alone, flooded }: { readonly alone: readonly Times[]; readonly flooded: readonly Times[] },
  what: keyof Times,
): Share {
  const medianOf = (times: readonly Times[], share: number): number =>
    median(times.map((one) => quantile(one[what], share)));
  const ratios = flooded.map(
    (one, round) => quantile(one[what], 0.95) / quantile(alone[round]?.[what] ?? [], 0.95),
  );
  return {
    aloneP50: medianOf(alone, 0.5),
    aloneP95: medianOf(alone, 0.95),
    p50: medianOf(flooded, 0.5),
    p95: medianOf(flooded, 0.95),
    ratio: median(ratios),
  };
}

/** Asks for a page now and then, and records a batch now and then. */
class Victim {
  readonly #target: Product;
  readonly #filters: readonly EventFilterInput[];
  #turn = 0;

  constructor(target: Product, filters: readonly EventFilterInput[]) {
    this.#target = target;
    this.#filters = filters;
  }

  async live(ms: number): Promise<Times> {
    const times = { pages: [] as number[], recording: [] as number[] };
    const end = performance.now() + ms;
    const repeat = async (work: (turn: number) => Promise<void>): Promise<void> => {
      for (
        let at = performance.now();
        performance.now() < end;
        at = Math.max(at + EVERY_MS, performance.now())
      ) {
        await delay(Math.max(0, at - performance.now()));
        await work((this.#turn += 1));
      }
    };
    await Promise.all([
      repeat((turn) => this.#ask(turn, times.pages)),
      repeat((turn) => this.#record(turn, times.recording)),
    ]);
    return times;
  }

  async #ask(turn: number, times: number[]): Promise<void> {
    const filter = this.#filters[turn % this.#filters.length];
    await this.#time('/graphql', JSON.stringify({ query: PAGE, variables: { filter } }), times);
  }

  async #record(turn: number, times: number[]): Promise<void> {
    const [body = Buffer.of()] = bodiesOf(generate(10_000 + turn, BATCH, undefined, [VICTIM]));
    await this.#time('/v1/events', body, times);
  }

  async #time(path: string, body: Buffer | string, times: number[]): Promise<void> {
    const start = performance.now();
    const { status, text } = await post(this.#target, path, body);
    times.push(performance.now() - start);
    if (status !== 200 || text.includes('"errors":')) {
      throw new Error(`The victim was answered ${status}: ${text.slice(0, 500)}`);
    }
  }
}

async function startFlood(order: FloodOrder): Promise<AsyncDisposable & { tally(): FloodTally }> {
  const child: ChildProcess = fork(new URL('flood.ts', import.meta.url), {
    execArgv: ['--conditions=source'],
  });
  if (child.pid !== undefined) setPriority(child.pid, LOWEST_PRIORITY);
  let last: FloodTally = {};
  child.on('message', (tally: FloodTally) => (last = tally));
  const ended = once(child, 'exit');
  child.send(order);
  await once(child, 'message');
  return {
    tally: () => {
      if (child.exitCode !== null)
        throw new Error('The flood ended by itself, and what was measured is nothing.');
      return last;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** An administrator of one account: it may ask and record there. */
async function newKey(product: Product, account: string): Promise<string> {
  await graphql(
    product,
    'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { userErrors { code } } }',
    { input: { id: account, name: account } },
  );
  const { createApiKey } = await graphql<{ createApiKey: { secret: string } }>(
    product,
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
    { input: { name: account, role: 'ADMINISTRATOR', accounts: [account] } },
  );
  return createApiKey.secret;
}
