import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_WORD_CHARS, recordWords, textWords } from '#domain/event-words';

const words = (text: string): string[] => [...textWords(text)];

describe('textWords', () => {
  it.each([
    ['AccessDenied', ['accessdenied']],
    ['arn:aws:iam::111122223333:role/My-Role_1', ['arn', 'aws', 'iam', '111122223333', 'role', 'my', '1']],
    ['203.0.113.7', ['203.0.113.7']],
    ['aws-cli/1.16.96 Python/3.', ['aws', 'cli', '1.16.96', 'python', '3']],
    ['s3.amazonaws.com', ['s3', 'amazonaws', 'com']],
    ['key/81E8970D-af59-4d11-8541-4d7c91ed8d4a.', ['key', '81e8970d-af59-4d11-8541-4d7c91ed8d4a']],
    ['81e8970d-af59-4d11-8541-4d7c91ed8d4ab', ['81e8970d', 'af59', '4d11', '8541', '4d7c91ed8d4ab']],
    ['Käse GROẞ ΟΔΟΣ οδος', ['käse', 'groß', 'οδοσ']],
    ['ﬁle Ⅷ ｆｕｌｌ', ['file', 'viii', 'full']],
    ['日本語 テスト', ['日本語', 'テスト']],
    ['\ud800a\u0000b', ['a', 'b']],
    ['  --- ', []],
  ])('%j', (text, expected) => {
    expect(words(text)).toEqual(expected);
  });

  it('knows long runs by their beginning, in the record and in the query', () => {
    expect(words('x'.repeat(MAX_WORD_CHARS + 5))).toEqual(['x'.repeat(MAX_WORD_CHARS)]);
    expect(words(`${'x'.repeat(MAX_WORD_CHARS - 1)}${'𠀀'.repeat(9)}`)[0]?.isWellFormed()).toBe(true);
  });

  it('cuts every word into itself, so that a copied word finds its record', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        for (const word of words(text)) expect(words(word)).toEqual([word]);
      }),
      { numRuns: 2000 },
    );
  });

  it('finds words of a text whatever stands beside them', () => {
    const word = fc.stringMatching(/^[a-zA-Z]{1,10}$/);
    fc.assert(
      fc.property(word, fc.string({ unit: 'binary' }), (one, rest) => {
        expect(words(`${rest} ${one} é`)).toContain(one.toLowerCase());
      }),
    );
  });
});

describe('recordWords', () => {
  it("holds values and names, but not the format's own names, true, false or null", () => {
    const found = recordWords({
      eventName: 'PutBucketAcl',
      readOnly: false,
      responseElements: null,
      requestParameters: { publiclyAccessible: true, port: 8443, list: ['Deep', { inner: 'x' }] },
    });
    expect([...found].toSorted()).toEqual(
      ['8443', 'deep', 'inner', 'list', 'port', 'publiclyaccessible', 'putbucketacl', 'x'].toSorted(),
    );
  });

  it('takes hostile names as names', () => {
    const found = recordWords(JSON.parse('{"__proto__":{"polluted":"yes"},"toString":1}'));
    expect([...found].toSorted()).toEqual(['1', 'polluted', 'proto', 'tostring', 'yes'].toSorted());
  });
});
