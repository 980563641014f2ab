import { setTimeout as delay } from 'node:timers/promises';
import type { CairnClient } from '#cli/client';
import { PlatformError } from '#cli/client';
import { CairnError } from '#domain/errors';
import { demoMonth, demoSource, DEMO_ACCOUNTS } from '#domain/generator/demo';

export interface Demo {
  /** An administrator's. */
  readonly client: Pick<CairnClient, 'query' | 'request'>;
  /** Ends the demonstration. */
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
}

interface Report {
  readonly received: number;
  readonly recorded: number;
}

/** What `npm start -- --demo` suggests: the incident that a search shows, and words that do not give it away. */
export const DEMO_SEARCHES = [
  { incident: 'The root user signs in without MFA', hint: 'Who signs in as root, and how?' },
  { incident: 'A password is guessed: 14 failures, then a sign-in', hint: 'Sign-ins from a strange network' },
  { incident: 'A trail is stopped for 43 minutes', hint: 'When was nobody watching?' },
  { incident: 'SSH is opened to the whole internet', hint: 'Who opened what to everyone?' },
] as const;

const IMPORT = 'demo';
const PAUSE_MS = 1_000;
const MAX_A_SECOND = 4;

/**
 * Records a generated month, then some events a second until the signal. The month ends when its accounts were
 * made: a later start sends the same events again, which the journal answers as duplicates.
 */
export async function runDemo({ client, signal, print }: Demo): Promise<void> {
  const month = demoMonth(await demoBeginning(client));
  const { received, recorded } = await patiently(signal, () => record(client, month.events));
  const before = recorded < received ? `; ${received - recorded} were there already` : '';
  print(`Demo: ${recorded} events of a month recorded${before}. Something happened in it; try`);
  for (const { incident, hint } of DEMO_SEARCHES) {
    const filter = month.incidents.find(({ title }) => title === incident)?.filter;
    if (filter !== undefined) print(`  ${hint}\n    ./cairn events --filter '${filter}'`);
  }
  print('Demo: now some events a second, until you stop it.');
  await goOn(client, signal);
}

async function goOn(client: Demo['client'], signal: AbortSignal): Promise<void> {
  // Another run each time: its events have ids of their own.
  const source = demoSource(Math.floor(Date.now() / 1000));
  while (!signal.aborted) {
    const count = 1 + source.random.below(MAX_A_SECOND);
    const events = Array.from({ length: count }, () => source.next(Date.now()));
    await patiently(signal, () => record(client, events));
    await pause(PAUSE_MS, signal);
  }
}

/** When the first demonstration account was made, in milliseconds since 1970; makes the accounts. */
async function demoBeginning(client: Demo['client']): Promise<number> {
  const create = `mutation DemoAccount($input: CreateAccountInput!) {
    createAccount(input: $input) { userErrors { code message } } }`;
  for (const [index, id] of DEMO_ACCOUNTS.entries()) {
    const name = index === 0 ? 'Demo: production' : 'Demo: development';
    const { createAccount } = await client.query<{
      createAccount: { userErrors: readonly { code: string; message: string }[] };
    }>(create, { input: { id, name } });
    const [error] = createAccount.userErrors;
    if (error !== undefined && error.code !== 'ALREADY_EXISTS') {
      throw new PlatformError(error.code, error.message);
    }
  }
  const { account } = await client.query<{ account: { createdAt: string } | null }>(
    'query DemoBeginning($id: AccountId!) { account(id: $id) { createdAt } }',
    { id: DEMO_ACCOUNTS[0] },
  );
  if (account === null) throw new PlatformError('NOT_FOUND', 'The demonstration account is gone.');
  return Date.parse(account.createdAt);
}

async function record(client: Demo['client'], events: readonly string[]): Promise<Report> {
  const response = await client.request(`/v1/events?import=${IMPORT}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: events.join('\n'),
  });
  const answer = (await response.json()) as Report & {
    error?: { code: string; message: string; retryAfter?: number };
  };
  if (answer.error === undefined) return answer;
  const { code, message, retryAfter } = answer.error;
  if (retryAfter === undefined) throw new PlatformError(code, message);
  throw new CairnError('UNAVAILABLE', message, { retryAfter });
}

/** Tries again while the platform is busy or restarts; nothing once the demonstration is over. */
async function patiently(signal: AbortSignal, work: () => Promise<Report>): Promise<Report> {
  while (!signal.aborted) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CairnError) || error.code !== 'UNAVAILABLE') throw error;
      await pause(1000 * (error.retryAfter ?? 2), signal);
    }
  }
  return { received: 0, recorded: 0 };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
