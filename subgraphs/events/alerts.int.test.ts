import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { webhookSecretContext } from '#projections/alerts/alert-row';
import { CairnError } from '#domain/errors';
import type { Principal } from '#domain/principal';
import { AlertStore } from '#projections/alerts/store';
import { AlertsPlatform, type EventsProcess } from '#test/alerts-platform';
import { plain } from '#test/events/run-subgraph';

const ONE = '111111111111';
const TWO = '222222222222';
const ROOT: Principal = { keyId: 'root', role: 'administrator', accounts: 'ALL' };
const ADMIN_ONE: Principal = { keyId: 'admin-one', role: 'administrator', accounts: [ONE] };
const ADMIN_BOTH: Principal = { keyId: 'admin-both', role: 'administrator', accounts: [TWO, ONE] };
const AUDITOR_ONE: Principal = { keyId: 'auditor', role: 'auditor', accounts: [ONE] };
const STRANGER: Principal = { keyId: 'stranger', role: 'administrator', accounts: [TWO] };
const INGEST: Principal = { keyId: 'ingest', role: 'ingest', accounts: 'ALL' };

const PUT = `mutation ($input: PutAlertInput!) { putAlert(input: $input) { webhookSecret alert {
  id name description filter accounts throttle webhook { url } raised dropped putBy } } }`;
const LIST = `query ($first: Int, $after: String, $last: Int, $before: String) {
  alerts(first: $first, after: $after, last: $last, before: $before) {
    edges { node { id name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
const DELETE = 'mutation ($id: ID, $name: String) { deleteAlert(id: $id, name: $name) }';
const MATCHES = `query ($alert: ID, $since: DateTime, $first: Int, $after: String, $last: Int, $before: String) {
  alertMatches(alert: $alert, since: $since, first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { alertId alertName suppressed event { eventId accountId raw } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;

let cairn: AlertsPlatform;
let process: EventsProcess;
const refusedAddresses = new Set<string>();

beforeAll(async () => {
  cairn = await AlertsPlatform.start();
  process = await cairn.open({
    limits: { perScope: 20, perInstallation: 25 },
    check: async (url) => {
      if (refusedAddresses.has(url)) {
        throw new CairnError('INVALID_ARGUMENT', 'No requests go there.', { path: 'input.webhook.url' });
      }
    },
  });
});
afterAll(() => cairn[Symbol.asyncDispose]());

interface Put {
  readonly webhookSecret: string | null;
  readonly alert: Record<string, unknown> & { readonly id: string };
}

async function put(principal: Principal, input: Record<string, unknown>): Promise<Put> {
  const result = await process.run(principal, PUT, { input });
  expect(plain(result).messages).toEqual([]);
  return (plain(result).data as { putAlert: Put }).putAlert;
}

async function refusal(principal: Principal, text: string, variables: Record<string, unknown>) {
  const { errors } = await process.run(principal, text, variables);
  return errors?.map(({ extensions }) => [extensions['code'], extensions['argument']])[0];
}

interface Page<Node> {
  readonly edges: readonly { readonly cursor: string; readonly node: Node }[];
  readonly pageInfo: Record<string, unknown> & { readonly endCursor: string; readonly startCursor: string };
}

interface Match {
  readonly alertId: string;
  readonly alertName: string;
  readonly suppressed: number;
  readonly event: { readonly eventId: string; readonly raw: string };
}

async function matches(principal: Principal, variables: Record<string, unknown> = {}): Promise<Page<Match>> {
  const { data, messages } = plain(await process.run(principal, MATCHES, variables));
  expect(messages).toEqual([]);
  return (data as { alertMatches: Page<Match> }).alertMatches;
}

async function names(principal: Principal, variables: Record<string, unknown> = {}): Promise<string[]> {
  const { data } = plain(await process.run(principal, LIST, variables));
  return (data as { alerts: Page<{ name: string }> }).alerts.edges.map(({ node }) => node.name);
}

describe('putAlert', () => {
  it('makes an alert of the key’s accounts, and changes it by its name', async () => {
    const filter = { eventName: { equals: 'ConsoleLogin' }, errorCode: { exists: true } };
    const made = await put(ADMIN_BOTH, { name: 'logins', description: 'who?\nwhen?', filter, throttle: 60 });
    expect(made.webhookSecret).toBeNull();
    expect(made.alert).toMatchObject({
      name: 'logins',
      description: 'who?\nwhen?',
      accounts: [ONE, TWO],
      throttle: 60,
      webhook: null,
      raised: 0,
      putBy: 'admin-both',
    });
    expect(JSON.parse(String(made.alert['filter']))).toMatchObject(filter);
    const changed = await put({ ...ADMIN_BOTH, keyId: 'other', accounts: [ONE, TWO] }, { name: 'logins' });
    expect(changed.alert).toMatchObject({ id: made.alert.id, putBy: 'other', throttle: 0, description: '' });
    // Another set of accounts has names of its own.
    expect((await put(ADMIN_ONE, { name: 'logins' })).alert.id).not.toBe(made.alert.id);
  });

  it('makes a secret for a webhook, shows it once, and keeps it until it is told to make another', async () => {
    const webhook = { url: 'https://example.org/hook' };
    const first = await put(ADMIN_ONE, { name: 'hooked', webhook });
    expect(first.webhookSecret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const stored = await new AlertStore(cairn.bed.pool).find(first.alert.id);
    const unwrap = (secret: Buffer): Promise<Buffer> =>
      cairn.bed.keys.unwrap(secret, webhookSecretContext(first.alert.id));
    const secret = stored?.webhook && (await unwrap(stored.webhook.secret));
    expect(`whsec_${secret?.toString('base64')}`).toBe(first.webhookSecret);

    const moved = await put(ADMIN_ONE, { name: 'hooked', webhook: { url: 'http://example.org/other' } });
    expect(moved.webhookSecret).toBeNull();
    expect(moved.alert['webhook']).toEqual({ url: 'http://example.org/other' });
    const kept = await new AlertStore(cairn.bed.pool).find(first.alert.id);
    expect(kept?.webhook?.secret).toEqual(stored?.webhook?.secret);

    const renewed = await put(ADMIN_ONE, { name: 'hooked', webhook: { ...webhook, newSecret: true } });
    expect(renewed.webhookSecret).toMatch(/^whsec_/);
    expect(renewed.webhookSecret).not.toBe(first.webhookSecret);
    await put(ADMIN_ONE, { name: 'hooked' });
    expect((await put(ADMIN_ONE, { name: 'hooked', webhook })).webhookSecret).not.toBe(renewed.webhookSecret);
  });

  it('shows auditors no more of a webhook’s address than its host', async () => {
    const { alert } = await put(ADMIN_ONE, {
      name: 'chat',
      webhook: { url: 'https://example.org:8443/hooks/secret?token=secret' },
    });
    const seen = async (principal: Principal): Promise<unknown> =>
      plain(
        await process.run(principal, 'query ($id: ID!) { alert(id: $id) { webhook { url } } }', {
          id: alert.id,
        }),
      ).data;
    expect(await seen(AUDITOR_ONE)).toEqual({ alert: { webhook: { url: 'https://example.org:8443/…' } } });
    expect(await seen(ADMIN_ONE)).toEqual({ alert: { webhook: alert['webhook'] } });
    await process.run(ADMIN_ONE, DELETE, { id: alert.id });
  });

  const user = { url: 'https://user:pass@example.org/' };
  it.each([
    [{ name: ' padded' }, 'INVALID_ARGUMENT', 'input.name'],
    [{ name: 'a\u0000b' }, 'INVALID_ARGUMENT', 'input.name'],
    [{ name: 'x'.repeat(129) }, 'INVALID_ARGUMENT', 'input.name'],
    [{ name: 'a', description: 'x'.repeat(1_025) }, 'INVALID_ARGUMENT', 'input.description'],
    [{ name: 'a', description: 'bell \u0007' }, 'INVALID_ARGUMENT', 'input.description'],
    [{ name: 'a', throttle: 86_401 }, 'INVALID_ARGUMENT', 'input.throttle'],
    [{ name: 'a', throttle: -1 }, 'INVALID_ARGUMENT', 'input.throttle'],
    [{ name: 'a', filter: { eventName: { prefix: 'a' } } }, 'INVALID_FILTER', 'filter.eventName.prefix'],
    [{ name: 'a', filter: { words: `${'w'.repeat(60)} `.repeat(500) } }, 'INVALID_FILTER', 'filter.words'],
    [{ name: 'a', webhook: user }, 'INVALID_ARGUMENT', 'input.webhook.url'],
    [{ name: 'a', webhook: { url: 'ftp://example.org/' } }, 'INVALID_ARGUMENT', 'input.webhook.url'],
    [{ name: 'a', webhook: { url: 'https://exa mple.org/' } }, 'INVALID_ARGUMENT', 'input.webhook.url'],
    [
      { name: 'a', webhook: { url: `https://example.org/${'x'.repeat(2_048)}` } },
      'INVALID_ARGUMENT',
      'input.webhook.url',
    ],
  ])('refuses %o before anything changes', async (input, code, path) => {
    const before = await names(ROOT, { first: 200 });
    expect(await refusal(ROOT, PUT, { input })).toEqual([code, path]);
    expect(await names(ROOT, { first: 200 })).toEqual(before);
  });

  it('asks where requests may go before anything changes', async () => {
    refusedAddresses.add('http://10.0.0.1/');
    const input = { name: 'inside', webhook: { url: 'http://10.0.0.1/' } };
    expect(await refusal(ADMIN_ONE, PUT, { input })).toEqual(['INVALID_ARGUMENT', 'input.webhook.url']);
    expect(await names(ADMIN_ONE)).not.toContain('inside');
  });

  it('is for administrators; auditors see what their accounts have, ingest keys nothing', async () => {
    expect(await refusal(AUDITOR_ONE, PUT, { input: { name: 'a' } })).toEqual(['FORBIDDEN', undefined]);
    expect(await refusal(INGEST, PUT, { input: { name: 'a' } })).toEqual(['FORBIDDEN', undefined]);
    expect(await refusal(AUDITOR_ONE, DELETE, { name: 'logins' })).toEqual(['FORBIDDEN', undefined]);
    expect(await refusal(INGEST, LIST, {})).toEqual(['FORBIDDEN', undefined]);
    expect(await names(AUDITOR_ONE)).toEqual(['hooked', 'logins']);
    expect(await names(STRANGER)).toEqual([]);
    expect(await names(ADMIN_BOTH)).toEqual(['hooked', 'logins', 'logins']);
  });

  it('has room for so many alerts of the same accounts, and of the installation', async () => {
    for (let number = 0; number < 20; number += 1) await put(STRANGER, { name: `mine ${number}` });
    expect(await refusal(STRANGER, PUT, { input: { name: 'one more' } })).toEqual([
      'LIMIT_EXCEEDED',
      undefined,
    ]);
    await put(STRANGER, { name: 'mine 3', throttle: 5 });
    await put(ROOT, { name: 'first' });
    await put(ROOT, { name: 'second' });
    expect(await refusal(ROOT, PUT, { input: { name: 'third' } })).toEqual(['LIMIT_EXCEEDED', undefined]);
    for (let number = 0; number < 20; number += 1) {
      await process.run(STRANGER, DELETE, { name: `mine ${number}` });
    }
    await process.run(ROOT, DELETE, { name: 'first' });
    await process.run(ROOT, DELETE, { name: 'second' });
  });
});

describe('alerts', () => {
  it('are listed page by page both ways, and found by id where the key covers them', async () => {
    const made: string[] = [];
    for (let number = 0; number < 5; number += 1)
      made.push((await put(STRANGER, { name: `n${number}` })).alert.id);
    const page = async (variables: Record<string, unknown>): Promise<Page<{ name: string }>> => {
      const { data } = plain(await process.run(STRANGER, LIST, variables));
      return (data as { alerts: Page<{ name: string }> }).alerts;
    };
    const first = await page({ first: 2 });
    expect(first.edges.map(({ node }) => node.name)).toEqual(['n4', 'n3']);
    expect(first.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const second = await page({ first: 3, after: first.pageInfo.endCursor });
    expect(second.edges.map(({ node }) => node.name)).toEqual(['n2', 'n1', 'n0']);
    const back = await page({ last: 2, before: second.pageInfo.startCursor });
    expect(back.edges.map(({ node }) => node.name)).toEqual(['n4', 'n3']);
    expect(await refusal(STRANGER, LIST, { after: 'none' })).toEqual(['INVALID_CURSOR', 'after']);

    const ask = 'query ($id: ID!) { alert(id: $id) { name } }';
    const seen = async (principal: Principal, id: string) =>
      plain(await process.run(principal, ask, { id })).data;
    expect(await seen(STRANGER, made[0] ?? '')).toEqual({ alert: { name: 'n0' } });
    expect(await seen(AUDITOR_ONE, made[0] ?? '')).toEqual({ alert: null });
    expect(await seen(STRANGER, "'; DROP TABLE alert; --\u0000")).toEqual({ alert: null });
  });

  it('are deleted by id or name by those who cover them', async () => {
    const { alert } = await put(STRANGER, { name: 'gone' });
    expect(await refusal(ADMIN_ONE, DELETE, { id: alert.id })).toEqual(['NOT_FOUND', 'id']);
    expect(await refusal(ADMIN_BOTH, DELETE, { name: 'gone' })).toEqual(['NOT_FOUND', 'name']);
    expect(await refusal(STRANGER, DELETE, {})).toEqual(['INVALID_ARGUMENT', 'id']);
    expect(await refusal(STRANGER, DELETE, { id: alert.id, name: 'gone' })).toEqual([
      'INVALID_ARGUMENT',
      'id',
    ]);
    expect(plain(await process.run(ADMIN_BOTH, DELETE, { id: alert.id })).data).toEqual({
      deleteAlert: alert.id,
    });
    expect(await refusal(STRANGER, DELETE, { name: 'gone' })).toEqual(['NOT_FOUND', 'name']);
  });
});

describe('alertMatches', () => {
  it('pages through what was raised with the events, the newest first', async () => {
    await cairn.record(3, { account: ONE });
    await cairn.settle();
    const { alert } = await put(ADMIN_ONE, { name: 'all of one' });
    await put(ROOT, { name: 'everything' });
    const ids = await cairn.record(5, { account: ONE });
    const others = await cairn.record(2, { account: TWO });
    await cairn.settle();
    // Recorded before the alert was made: none of its business.
    const own = await matches(AUDITOR_ONE, { alert: alert.id });
    expect(own.edges.map(({ node }) => node.event.eventId)).toEqual(ids.toReversed());
    expect(own.edges.map(({ node }) => node.alertName)).toEqual(
      Array.from({ length: 5 }, () => 'all of one'),
    );
    expect(JSON.parse(own.edges[0]?.node.event.raw ?? '')).toMatchObject({ eventID: ids[4] });

    // Each event concerns three alerts of ONE and one of all accounts; TWO has its five of before.
    const seen: string[] = [];
    for (let after: string | undefined; ;) {
      const page = await matches(ROOT, { first: 4, after });
      for (const { node } of page.edges) seen.push(`${node.event.eventId} ${node.alertId} ${node.alertName}`);
      if (page.pageInfo['hasNextPage'] !== true) break;
      after = page.pageInfo.endCursor;
    }
    const whole = await matches(ROOT, { first: 200 });
    expect(seen).toEqual(
      whole.edges.map(({ node }) => `${node.event.eventId} ${node.alertId} ${node.alertName}`),
    );
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((text) => text.endsWith('everything'))).toHaveLength(7);
    const backwards = await matches(ROOT, { last: 3, before: whole.edges[5]?.cursor });
    expect(backwards.edges.map(({ cursor }) => cursor)).toEqual(
      whole.edges.slice(2, 5).map(({ cursor }) => cursor),
    );
    const strangers = await matches(STRANGER);
    expect(new Set(strangers.edges.map(({ node }) => node.event.eventId))).toEqual(new Set(others));
  });

  it('shows nothing of alerts that the key does not cover, and no erased event', async () => {
    const { alert } = await put(ADMIN_BOTH, { name: 'both' });
    await cairn.record(2, { account: ONE });
    const [kept] = await cairn.record(1, { account: TWO });
    await cairn.settle();
    expect((await matches(AUDITOR_ONE, { alert: alert.id })).edges).toEqual([]);
    expect((await matches(ADMIN_BOTH, { alert: alert.id })).edges).toHaveLength(3);
    expect((await matches(ADMIN_BOTH, { alert: 'nobodys' })).edges).toEqual([]);
    // The journal forgets first: what is still in the table must not show.
    await cairn.journal.erase({ account: ONE, before: undefined });
    const shown = await matches(ADMIN_BOTH, { alert: alert.id, first: 1 });
    expect(shown.edges.map(({ node }) => node.event.eventId)).toEqual([kept]);
    expect(shown.pageInfo['hasNextPage']).toBe(false);
    await cairn.projection.erase({ account: ONE, before: undefined });
    const { rows } = await cairn.bed.pool.query(`SELECT 1 FROM alert_match WHERE account = '${ONE}'`);
    expect(rows).toEqual([]);
  });

  it('begins at an instant, and refuses cursors of other lists', async () => {
    const since = new Date().toISOString();
    const [id] = await cairn.record(1, { account: TWO });
    await cairn.settle();
    const recent = await matches(ROOT, { since });
    expect(new Set(recent.edges.map(({ node }) => node.event.eventId))).toEqual(new Set([id]));
    expect((await matches(ROOT, { since: '2100-01-01T00:00:00Z' })).edges).toEqual([]);
    const { edges } = await matches(ROOT, { first: 1 });
    const cursor = edges[0]?.cursor ?? '';
    for (const after of ['x', cursor.slice(1), `${cursor}.1`, cursor.split('.')[0]]) {
      expect(await refusal(ROOT, MATCHES, { after })).toEqual(['INVALID_CURSOR', 'after']);
    }
  });
});
