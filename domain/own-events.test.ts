import { describe, expect, it } from 'vitest';
import { CairnError } from '#domain/errors';
import { isRefusal, parseEvent } from '#domain/event-parse';
import {
  MAX_OWN_ACCOUNTS,
  type OwnCall,
  type OwnCallRule,
  callEvent,
  ownEventText,
  serviceEvent,
} from '#domain/own-events';
import type { Principal } from '#domain/principal';

const A = '111111111111';
const B = '222222222222';
const AT = Date.UTC(2026, 10, 29, 11, 10);
const ID = '0b7a1b52-5f8e-4d0e-9c25-d1f0f1a0c001';
const KEY_TEXT = `cairn_${'a'.repeat(16)}_${'b'.repeat(52)}`;
const ADMINISTRATOR: Principal = { keyId: 'k1', role: 'administrator', accounts: 'ALL' };

const RULE: OwnCallRule = {
  request: ['input.name', 'input.accounts'],
  response: ['apiKey.id'],
  accounts: ['request.input.accounts'],
  resource: { type: 'Cairn::ApiKey', at: 'response.apiKey.id' },
};

function call(changes: Partial<OwnCall> = {}, principal: Principal = ADMINISTRATOR): OwnCall {
  return {
    field: 'createApiKey',
    caller: {
      principal,
      requestId: 'r-1',
      clientAddress: '192.0.2.7',
      userAgent: 'curl/8',
      userName: 'Ada',
    },
    at: AT,
    args: {
      input: { name: 'shop', accounts: [A], expiresAt: new Date(AT), webhook: 'https://secret.example' },
    },
    rule: RULE,
    readOnly: false,
    ...changes,
  };
}

const MADE = { apiKey: { id: 'k2', name: 'shop' }, secret: KEY_TEXT, userErrors: [] };

describe('a call', () => {
  it('becomes a record of CloudTrail’s shape that the journal takes', () => {
    const event = callEvent(call(), { result: MADE });
    const { eventId, text } = ownEventText(ID, A, event);
    const parsed = parseEvent(Buffer.from(text), { now: AT });
    if (isRefusal(parsed)) throw new Error(parsed.message);
    expect(parsed).toMatchObject({ eventId: ID, account: A, eventTime: AT, category: 'Management' });
    expect(eventId).toBe(ID);
    expect(parsed.record).toEqual({
      eventVersion: '1.11',
      eventTime: '2026-11-29T11:10:00.000Z',
      eventSource: 'cairn',
      eventName: 'CreateApiKey',
      userIdentity: {
        type: 'CairnKey',
        principalId: 'k1',
        userName: 'Ada',
        accessKeyId: 'k1',
        accountId: '000000000000',
        role: 'administrator',
      },
      sourceIPAddress: '192.0.2.7',
      userAgent: 'curl/8',
      requestParameters: { input: { name: 'shop', accounts: [A] } },
      responseElements: { apiKey: { id: 'k2' } },
      resources: [{ type: 'Cairn::ApiKey', resourceName: 'k2' }],
      requestID: 'r-1',
      readOnly: false,
      eventType: 'CairnApiCall',
      managementEvent: true,
      eventCategory: 'Management',
      eventID: ID,
      recipientAccountId: A,
    });
  });

  it('says why it was refused, by error or by the first of its userErrors', () => {
    const thrown = callEvent(call(), { error: new CairnError('NOT_FOUND', 'There is none.') });
    expect(thrown.record).toMatchObject({ errorCode: 'NOT_FOUND', errorMessage: 'There is none.' });
    const userErrors = [{ code: 'LIMIT_EXCEEDED', path: null, message: 'Too many.' }];
    const refused = callEvent(call(), { result: { apiKey: null, userErrors } });
    expect(refused.record).toMatchObject({ errorCode: 'LIMIT_EXCEEDED', errorMessage: 'Too many.' });
    expect(callEvent(call(), { unknown: true }).record).toMatchObject({
      errorCode: 'OutcomeUnknown',
      responseElements: null,
    });
    expect(callEvent(call(), { result: MADE }).record).not.toHaveProperty('errorCode');
  });

  it.each(['input.name', 'id'])('masks a key that somebody sends as %s, whole or cut off', (path) => {
    const rule = { ...RULE, request: [path] };
    const args = { input: { name: `my ${KEY_TEXT}` }, id: KEY_TEXT.slice(0, 40) };
    const error = new CairnError('NOT_FOUND', `There is no key "${KEY_TEXT.slice(0, 64)}".`);
    const caller = { ...call().caller, userAgent: KEY_TEXT, requestId: KEY_TEXT };
    const { record } = callEvent(call({ rule, args, caller }), { error });
    expect(JSON.stringify(record)).not.toContain('bbb');
    expect(JSON.stringify(record)).toContain(`cairn_${'a'.repeat(16)}_…`);
  });

  it('stays small and sound, whatever was asked for', () => {
    const deep: Record<string, unknown> = {};
    let inner = deep;
    for (let level = 0; level < 200; level++) inner = inner['and'] = {};
    const hostile = ['\ud800', '\u0000', 'x'.repeat(1_000_000), deep, 2n ** 70n, Number.NaN];
    const args = { input: { name: hostile, accounts: Array.from({ length: 5_000 }, () => 'y'.repeat(900)) } };
    const event = callEvent(call({ args }), { result: MADE });
    const { text } = ownEventText(ID, A, event);
    expect(text.length).toBeLessThan(50_000);
    expect(isRefusal(parseEvent(Buffer.from(text), { now: AT }))).toBe(false);
  });
});

describe('the accounts of a call', () => {
  const accountsOf = (accounts: readonly string[], principal?: Principal): readonly string[] =>
    callEvent(call({ args: { input: { accounts } } }, principal), { result: MADE }).accounts;

  it('are those that it concerns, an event each with an id of its own', () => {
    const event = callEvent(call({ args: { input: { accounts: [B, A, B] } } }), { result: MADE });
    expect(event.accounts).toEqual([A, B]);
    const [one, other] = event.accounts.map((account) => ownEventText(ID, account, event));
    expect(one?.eventId).not.toBe(other?.eventId);
    expect(JSON.parse(one?.text ?? '')).toMatchObject({ sharedEventID: ID, eventID: one?.eventId });
    expect(ownEventText(ID, A, event)).toEqual(one);
  });

  it('are none of others: nobody writes into a trail that he does not have', () => {
    const narrow: Principal = { keyId: 'k3', role: 'administrator', accounts: [A] };
    expect(accountsOf([A, B], narrow)).toEqual([A]);
    expect(accountsOf([B], narrow)).toEqual([]);
  });

  it('are the installation’s when there are too many', () => {
    const many = Array.from({ length: MAX_OWN_ACCOUNTS + 1 }, (_, index) => String(100000000000 + index));
    expect(accountsOf(many)).toEqual([]);
    expect(accountsOf(many.slice(1))).toHaveLength(MAX_OWN_ACCOUNTS);
  });
});

it('says of what Cairn does by itself that nobody asked, and of strangers that they are', () => {
  const own = serviceEvent({ eventName: 'StartProcess', at: AT, details: { name: 'api' } });
  expect(own.record).toMatchObject({
    userIdentity: { type: 'CairnService', invokedBy: 'cairn' },
    eventType: 'CairnServiceEvent',
    serviceEventDetails: { name: 'api' },
  });
  const error = { code: 'UNAUTHENTICATED', message: 'No.' };
  const stranger = serviceEvent({
    eventName: 'Authenticate',
    at: AT,
    details: {},
    type: 'CairnApiCall',
    error,
  });
  expect(stranger.record).toMatchObject({ userIdentity: { type: 'Unknown' }, errorCode: 'UNAUTHENTICATED' });
});
