import { describe, expect, it } from 'vitest';
import { hashSecret, isSecret, keyOfHeader, keyText, newKey } from '#subgraphs/organization/key-text';

describe('the text of a key', () => {
  it('is found again in the header, whatever the case of the scheme', () => {
    const key = newKey();
    expect(keyText(key)).toMatch(/^cairn_[a-z2-7]{16}_[a-z2-7]{52}$/);
    expect(keyOfHeader(`Bearer ${keyText(key)}`)).toEqual(key);
    expect(keyOfHeader(`bearer ${keyText(key)}`)).toEqual(key);
  });

  it('is new each time', () => {
    const texts = new Set(Array.from({ length: 100 }, () => keyText(newKey())));
    expect(texts.size).toBe(100);
  });

  it('is not found in anything else', () => {
    const text = keyText(newKey());
    const others = [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      text,
      `Basic ${text}`,
      `Bearer  ${text}`,
      `Bearer ${text} `,
      `Bearer ${text} x`,
      `Bearer ${text}\n`,
      `Bearer ${text.toUpperCase()}`,
      `Bearer ${text.slice(0, -1)}`,
      `Bearer ${text}a`,
      `Bearer ${'x'.repeat(1_000_000)}`,
      'Bearer cairn___proto___constructor',
    ];
    for (const header of others) expect(keyOfHeader(header)).toBeUndefined();
  });

  it('is proved by its secret alone', () => {
    const { secret } = newKey();
    expect(isSecret(secret, hashSecret(secret))).toBe(true);
    expect(isSecret(newKey().secret, hashSecret(secret))).toBe(false);
  });
});
