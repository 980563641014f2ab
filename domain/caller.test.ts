import { expect, test } from 'vitest';
import { readCaller } from '#domain/caller';

const CALLER = {
  principal: { keyId: 'abc', role: 'auditor', accounts: ['111122223333'] },
  requestId: 'r-1',
  clientAddress: '192.0.2.7',
};

test('a caller comes through JSON as he was', () => {
  for (const caller of [CALLER, { ...CALLER, principal: { ...CALLER.principal, accounts: 'ALL' } }]) {
    expect(readCaller(JSON.parse(JSON.stringify(caller)))).toEqual(caller);
  }
  expect(readCaller({ ...CALLER, clientAddress: undefined })).toMatchObject({ requestId: 'r-1' });
});

test.each([
  [undefined],
  ['ALL'],
  [{ ...CALLER, principal: { ...CALLER.principal, role: 'root' } }],
  [{ ...CALLER, principal: { ...CALLER.principal, accounts: 'all' } }],
  [{ ...CALLER, principal: { keyId: 'abc', role: 'auditor' } }],
  [{ ...CALLER, principal: { ...CALLER.principal, more: true } }],
  [{ ...CALLER, requestId: '' }],
])('%j is none', (value) => {
  expect(readCaller(value)).toBeUndefined();
});
