import { beforeEach, describe, expect, it } from 'vitest';
import { Authenticator } from '#subgraphs/organization/authenticator';
import { hashSecret, keyText, newKey } from '#subgraphs/organization/key-text';
import type { ApiKey } from '#subgraphs/organization/store';

const START = Date.UTC(2026, 10, 23);
const presented = newKey();
const header = `Bearer ${keyText(presented)}`;
const key: ApiKey = {
  id: presented.id,
  name: 'test',
  role: 'auditor',
  accounts: ['111111111111'],
  secretHash: hashSecret(presented.secret),
  createdAt: new Date(START),
  createdBy: null,
  expiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
};

let rows: Map<string, ApiKey>;
let now: number;
let reads: string[];
let touches: [string, Date, Date][];
let firstUses: string[];
let logged: object[];
let readsFail: boolean;
let writesFail: boolean;
let authenticator: Authenticator;

beforeEach(() => {
  rows = new Map([[key.id, key]]);
  now = START;
  reads = [];
  touches = [];
  firstUses = [];
  logged = [];
  readsFail = false;
  writesFail = false;
  authenticator = new Authenticator({
    store: {
      key: (id) => {
        reads.push(id);
        return readsFail ? Promise.reject(new Error('no database')) : Promise.resolve(rows.get(id));
      },
      useFirst: async (id, at) => {
        touches.push([id, at, new Date(at.getTime() - 60_000)]);
        if (writesFail) throw new Error('no database');
        firstUses.push(id);
        rows.set(id, { ...key, lastUsedAt: at });
        return true;
      },
      touchKey: (...touch) => {
        touches.push(touch);
        return writesFail ? Promise.reject(new Error('no database')) : Promise.resolve();
      },
    },
    now: () => now,
    log: { error: (fields) => void logged.push(fields) },
  });
});

describe('authenticating', () => {
  it('says who holds the key', async () => {
    expect(await authenticator.authenticate(header)).toEqual({
      keyId: key.id,
      role: 'auditor',
      accounts: ['111111111111'],
    });
    rows.set(key.id, { ...key, accounts: null });
    authenticator.forget(key.id);
    expect((await authenticator.authenticate(header))?.accounts).toBe('ALL');
  });

  it('knows nobody without a key, with an unknown one, or with a wrong secret', async () => {
    expect(await authenticator.authenticate(undefined)).toBeNull();
    expect(await authenticator.authenticate(`Bearer ${keyText(newKey())}`)).toBeNull();
    const forged = { id: key.id, secret: newKey().secret };
    expect(await authenticator.authenticate(`Bearer ${keyText(forged)}`)).toBeNull();
    expect(touches).toEqual([]);
  });

  it('ends at the very instant of expiry', async () => {
    rows.set(key.id, { ...key, expiresAt: new Date(START + 1_000) });
    now = START + 999;
    expect(await authenticator.authenticate(header)).not.toBeNull();
    now = START + 1_000;
    expect(await authenticator.authenticate(header)).toBeNull();
  });

  it('notices a revocation elsewhere within two seconds, one here at once', async () => {
    expect(await authenticator.authenticate(header)).not.toBeNull();
    rows.set(key.id, { ...key, revokedAt: new Date(START) });
    now = START + 1_999;
    expect(await authenticator.authenticate(header)).not.toBeNull();
    now = START + 2_000;
    expect(await authenticator.authenticate(header)).toBeNull();
    rows.set(key.id, key);
    authenticator.forget(key.id);
    expect(await authenticator.authenticate(header)).not.toBeNull();
  });

  it('asks the database once for many requests at a time', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => authenticator.authenticate(header)));
    expect(all.every((principal) => principal !== null)).toBe(true);
    expect(reads).toEqual([key.id]);
  });

  it('remembers a bounded number of keys', async () => {
    await authenticator.authenticate(header);
    for (let i = 0; i < 10_000; i++) await authenticator.authenticate(`Bearer ${keyText(newKey())}`);
    await authenticator.authenticate(header);
    expect(reads.filter((id) => id === key.id)).toHaveLength(2);
  });

  it('writes the last use once a minute', async () => {
    for (now = START; now < START + 121_000; now += 1_000) await authenticator.authenticate(header);
    await authenticator.close();
    expect(touches).toEqual(
      [0, 60_000, 120_000].map((after) => [
        key.id,
        new Date(START + after),
        new Date(START + after - 60_000),
      ]),
    );
    expect(firstUses).toEqual([key.id]);
  });

  it('answers UNAVAILABLE while keys cannot be read, to all who ask at once, and recovers', async () => {
    readsFail = true;
    const answers = [authenticator.authenticate(header), authenticator.authenticate(header)];
    const refused = expect.objectContaining({ code: 'UNAVAILABLE', retryAfter: 1 });
    await Promise.all(answers.map((answer) => expect(answer).rejects.toThrow(refused)));
    readsFail = false;
    expect(await authenticator.authenticate(header)).not.toBeNull();
  });

  it('does not refuse a request because its use cannot be written down; the next one tries again', async () => {
    writesFail = true;
    expect(await authenticator.authenticate(header)).not.toBeNull();
    await authenticator.close();
    expect(logged).toEqual([expect.objectContaining({ keyId: key.id })]);
    writesFail = false;
    await authenticator.authenticate(header);
    await authenticator.authenticate(header);
    expect(touches).toHaveLength(2);
  });
});
