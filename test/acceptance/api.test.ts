import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { graphql, settled } from '#test/acceptance/client';
import { type Platform, startPlatform } from '#test/acceptance/platform';
import { type ApiExample, IDS, KEY_KINDS, type KeyKind, WHO } from '#test/api/example';
import { apiExamples } from '#test/api/examples';
import { sealed } from '#test/soak/examine';

interface Answer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

const named = apiExamples.map((example) => [example.field, example] as const);
const OTHER_ACCOUNT = '111122223333';

/** The examples of docs/api.md, one after the other, as a reader of it would try them. */
describe('docs/api.md', () => {
  let platform: Platform;
  const keys = new Map<KeyKind, string>();
  /** What stands here for the ids that the examples show. */
  const ids = new Map<string, string>();

  beforeAll(async () => {
    platform = await startPlatform({ env: { CAIRN_SEAL_SECONDS: '1' } });
    await settled(platform);
    keys.set('administrator', platform.apiKey);
    await makeAccount(platform, OTHER_ACCOUNT);
    const scopes = {
      administratorOfOne: { role: 'ADMINISTRATOR', accounts: [OTHER_ACCOUNT] },
      auditor: { role: 'AUDITOR', allAccounts: true },
      ingest: { role: 'INGEST', allAccounts: true },
    } as const;
    for (const [kind, input] of Object.entries(scopes)) {
      keys.set(kind as keyof typeof scopes, await makeKey(platform, { name: kind, ...input }));
    }
  });
  afterAll(() => platform[Symbol.asyncDispose]());

  test.each(named)('%s', { timeout: 30_000 }, async (_, example) => {
    await prepare(platform, example);
    const may: readonly KeyKind[] = WHO[example.who].kinds;
    for (const kind of KEY_KINDS.filter((one) => !may.includes(one))) {
      expect([kind, JSON.stringify(await ask(example, kind))]).toEqual([
        kind,
        expect.stringContaining('"FORBIDDEN"'),
      ]);
    }
    if (example.notRun !== undefined) return;
    // What only reads can be asked by everybody who may.
    for (const kind of example.field.startsWith('query ') ? may : []) {
      expect([kind, (await ask(example, kind)).errors]).toEqual([kind, undefined]);
    }
    const answer = await ask(example, keyOf(example));
    expect(answer.errors).toBeUndefined();
    compare(example.answer, answer.data);
  });

  /** The weakest of those who may; administrators of one account do not see the example's. */
  function keyOf({ who }: ApiExample): KeyKind {
    return WHO[who].kinds.at(-1) ?? 'administrator';
  }

  async function ask({ field, operation, variables = {} }: ApiExample, kind: KeyKind): Promise<Answer> {
    const apiKey = keys.get(kind) ?? '';
    const query = { query: operation, variables: real(variables) as Record<string, unknown> };
    if (field.startsWith('subscription ')) return firstMessage(platform, apiKey, query);
    const response = await fetch(`${platform.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
      body: JSON.stringify(query),
    });
    return (await response.json()) as Answer;
  }

  function real(value: unknown): unknown {
    if (typeof value === 'string') return ids.get(value) ?? value;
    if (Array.isArray(value)) return value.map(real);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, real(item)]));
  }

  /** Like what is shown: the same members, as empty or not, words of the API to the letter, the rest of one kind. */
  function compare(shown: unknown, answered: unknown, path = 'data'): void {
    if (Array.isArray(shown)) {
      if (!Array.isArray(answered)) throw new Error(`${path} is no list.`);
      expect([path, answered.length > 0]).toEqual([path, shown.length > 0]);
      shown.forEach((item, index) => compare(item, answered[index], `${path}[${index}]`));
      return;
    }
    if (typeof shown === 'object' && shown !== null) {
      const found = { ...(answered as object | null) } as Record<string, unknown>;
      expect([path, Object.keys(found).toSorted()]).toEqual([path, Object.keys(shown).toSorted()]);
      for (const [key, item] of Object.entries(shown)) compare(item, found[key], `${path}.${key}`);
      return;
    }
    expect([path, kindOf(answered)]).toEqual([path, kindOf(shown)]);
    if (isId(shown)) ids.set(shown, String(answered));
    else if (isWord(shown)) expect([path, answered]).toEqual([path, shown]);
  }
});

/** Some examples ask for what takes a moment. */
async function prepare(platform: Platform, { field }: ApiExample): Promise<void> {
  if (field === 'query events') await settled(platform);
  if (field === 'query checkpoint') await sealed(platform);
  if (field === 'query alertMatches') await raised(platform, 2);
  if (field === 'query export' || field === 'query jobRun') await allDone(platform);
}

/** Alerts have raised so many events. */
async function raised(platform: Platform, count: number): Promise<void> {
  for (;;) {
    const { alertMatches } = await graphql<{ alertMatches: { edges: unknown[] } }>(
      platform,
      `{ alertMatches(first: ${count}) { edges { cursor } } }`,
    );
    if (alertMatches.edges.length >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** No run that somebody asked for is queued or at work. A list costs what it may hold, so it is not asked for often. */
async function allDone(platform: Platform): Promise<void> {
  for (;;) {
    const { jobs } = await graphql<{ jobs: { edges: { node: { schedule: string | null } }[] } }>(
      platform,
      '{ jobs(first: 50, filter: { state: [QUEUED, RUNNING] }) { edges { node { schedule } } } }',
    );
    if (jobs.edges.every(({ node }) => node.schedule !== null)) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

function isId(shown: unknown): shown is string {
  return Object.values<unknown>(IDS).includes(shown);
}

/** Enum values, yes and no, nothing, accounts: what cannot differ from one run to the next. */
function isWord(shown: unknown): boolean {
  if (shown === null || typeof shown === 'boolean') return true;
  return typeof shown === 'string' && /^(?:[A-Z][A-Z_]+|\d{12})$/.test(shown);
}

function kindOf(value: unknown): string {
  if (value === null || typeof value !== 'string') return String(value === null ? null : typeof value);
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return 'an instant';
  return value === '' ? 'an empty text' : 'a text';
}

async function firstMessage(
  { url }: Platform,
  apiKey: string,
  query: { query: string; variables: Record<string, unknown> },
): Promise<Answer> {
  const client = createClient({
    url: `${url}/graphql`.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${apiKey}` },
  });
  try {
    for await (const message of client.iterate(query)) return message as Answer;
    return {};
  } catch (errors) {
    // Errors before the first event are thrown as a list.
    if (Array.isArray(errors)) return { errors };
    throw errors;
  } finally {
    await client.dispose();
  }
}

async function makeAccount(platform: Platform, id: string): Promise<void> {
  await graphql(
    platform,
    'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { userErrors { code } } }',
    { input: { id } },
  );
}

async function makeKey(platform: Platform, input: object): Promise<string> {
  const { createApiKey } = await graphql<{ createApiKey: { secret: string } }>(
    platform,
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
    { input },
  );
  return createApiKey.secret;
}
