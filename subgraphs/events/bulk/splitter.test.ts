import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Splitter, type Cut, type SplitterOptions } from '#subgraphs/events/bulk/splitter';

const limit: SplitterOptions = { maxEventBytes: 1 << 20 };

interface Split {
  readonly kinds: readonly string[];
  readonly texts: readonly string[];
  readonly fault: string | undefined;
}

function split(body: string | Buffer, chunk = 1 << 16, options = limit): Split {
  const splitter = new Splitter(options);
  const bytes = Buffer.from(body);
  const cuts: Cut[] = [];
  for (let at = 0; at < bytes.length; at += chunk) {
    cuts.push(...splitter.push(Buffer.from(bytes.subarray(at, at + chunk))));
  }
  cuts.push(...splitter.end());
  return {
    kinds: cuts.map((cut) => cut.kind),
    texts: cuts.filter((cut) => cut.kind === 'event').map((cut) => cut.bytes.toString()),
    fault: splitter.fault?.message,
  };
}

const events = fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 }), {
  minLength: 1,
  maxLength: 8,
});
const shapes: Record<string, (texts: readonly string[]) => string> = {
  lines: (texts) => texts.join('\n'),
  'lines with CRLF and blanks': (texts) => `\n${texts.join('\r\n\r\n')}\r\n`,
  array: (texts) => `[${texts.join(',')}]`,
  'spaced array': (texts) => ` [ ${texts.join(' ,\n ')} ]\n`,
  records: (texts) => `{"Records":[${texts.join(',')}]}`,
  'records after other members': (texts) =>
    `{"a":{"Records":[1,{"b":2}]},"x":"Records","n":[[]],"Records" : [${texts.join(',')}],"z":{"q":"]"}}`,
  'several envelopes': (texts) => texts.map((text) => `{"Records":[${text}]}`).join('\n'),
};

describe('Splitter', () => {
  for (const [name, shape] of Object.entries(shapes)) {
    it(`cuts ${name} into the same events whatever the chunks`, () => {
      fc.assert(
        fc.property(events, fc.integer({ min: 1, max: 70 }), (values, chunk) => {
          const texts = values.map((value) => JSON.stringify({ ...value, k: 'v' }));
          expect(split(shape(texts), chunk)).toEqual({
            kinds: texts.map(() => 'event'),
            texts,
            fault: undefined,
          });
        }),
        { numRuns: 150 },
      );
    });
  }

  it('gives the same cuts and the same fault for any bytes in any chunks', () => {
    const hostile = fc.array(
      fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '\n', ' ', 'a', '1', '"Records":[', '{"k":1}'),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(hostile, fc.integer({ min: 1, max: 5 }), (parts, chunk) => {
        const body = parts.join('');
        expect(split(body, chunk)).toEqual(split(body));
      }),
      { numRuns: 3000 },
    );
  });

  it('keeps pretty-printed objects whole', () => {
    const one = JSON.stringify({ a: { b: [1, 2] } }, null, 2);
    const two = JSON.stringify({ c: '}\n{' }, null, 2);
    expect(split(`${one}\n${two}`, 3).texts).toEqual([one, two]);
    expect(split(`[\n${one},\n${two}\n]`, 3).texts).toEqual([one, two]);
  });

  it('loses one line, not the rest, when a line of NDJSON is broken', () => {
    const good = '{"a":1}';
    expect(split(`${good}\n{"a":\n${good}\nnot json\n${good}`).texts).toEqual([
      good,
      '{"a":',
      good,
      'not json',
      good,
    ]);
    expect(split(`{"a":"open\n${good}\n`).texts).toEqual(['{"a":"open', good]);
    expect(split(`not json\n${good}`).texts).toEqual(['not json', good]);
    expect(split(`{"a":\n${good}`, 1 << 16, { ...limit, lines: true }).texts).toEqual(['{"a":', good]);
  });

  it('cuts elements that are no objects, so that they are counted', () => {
    expect(split('[1, "a,]\\"b", null, [2,[3]], {"x":1}]').texts).toEqual([
      '1',
      '"a,]\\"b"',
      'null',
      '[2,[3]]',
      '{"x":1}',
    ]);
  });

  it('passes over an event above the limit and goes on behind it', () => {
    const big = JSON.stringify({ text: 'x'.repeat(300) });
    const options = { maxEventBytes: 100 };
    for (const body of [`{"a":1}\n${big}\n{"b":2}`, `[{"a":1},${big},{"b":2}]`]) {
      for (const chunk of [7, 1 << 16]) {
        expect(split(body, chunk, options)).toEqual({
          kinds: ['event', 'too-large', 'event'],
          texts: ['{"a":1}', '{"b":2}'],
          fault: undefined,
        });
      }
    }
    expect(split(`${big}\n{"b":2}`, 7, options).kinds).toEqual(['too-large', 'event']);
  });

  it('finds Records behind members that are larger than an event may be', () => {
    const body = `{"padding":"${'x'.repeat(500)}","Records":[{"a":1}]}`;
    expect(split(body, 7, { maxEventBytes: 100 }).texts).toEqual(['{"a":1}']);
  });

  it('recognises a digest file', () => {
    const digest =
      '{"awsAccountId":"1","digestStartTime":"2023-07-10T00:00:00Z","logFiles":[{"a":"Records"}]}';
    expect(split(digest, 5).kinds).toEqual(['digest']);
  });

  it('tells where a body breaks off', () => {
    expect(split('[{"a":1},{"b":')).toEqual({
      kinds: ['event', 'truncated'],
      texts: ['{"a":1}'],
      fault: 'The body ends before its JSON does.',
    });
    expect(split('{"Records":[{"a":1}').fault).toBe('The body ends before its JSON does.');
    expect(split('{"Records":[{"a":1}]').fault).toBe('The body ends before its JSON does.');
    expect(split('{"Records":[{"a":1}]} x').fault).toContain('Expected');
    expect(split('[{"a":1}}').fault).toContain('Expected');
  });

  it('finds nothing in an empty body', () => {
    for (const body of ['', ' \r\n', '[]', '{"Records":[]}', '\ufeff[]']) {
      expect(split(body, 1)).toEqual({ kinds: [], texts: [], fault: undefined });
    }
    expect(split('\ufeff{"a":1}', 1).texts).toEqual(['{"a":1}']);
  });

  it('reads a megabyte that comes byte by byte without copying it again and again', () => {
    const event = JSON.stringify({ text: 'y'.repeat(1 << 19) });
    expect(split(`[${event}]`, 1).texts).toEqual([event]);
  });

  it('keeps what it has cut when later bytes arrive', () => {
    const splitter = new Splitter(limit);
    const [first] = [...splitter.push(Buffer.from('[{"a"')), ...splitter.push(Buffer.from(':1},{"b":'))];
    splitter.push(Buffer.from('2},{"c":3'));
    expect(first?.bytes.toString()).toBe('{"a":1}');
  });
});
