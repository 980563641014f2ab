import type { Random } from '#domain/generator/random';

const NUL = '\u0000';

/** Texts that have broken programs like this one: SQL, full-text syntaxes, patterns, controls, directions, halves. */
const TEXTS: readonly [string, ...string[]] = [
  "' OR '1'='1",
  "'; DROP TABLE journal_head; --",
  "') UNION SELECT secret FROM api_key --",
  '" OR 1=1 --',
  '$1',
  '$$x$$',
  '\\',
  "\\'",
  '%',
  '_',
  'a AND (b OR NOT c)',
  'NEAR(a b, 5)',
  'eventName:*',
  '"unclosed',
  '*',
  'a*',
  '^a + -b',
  '{col}: x',
  '_exists_:raw OR /.*/',
  '[1 TO *]',
  '{"query":{"match_all":{}}}',
  '/(a+)+$/',
  '(?:a|a)*b',
  '.*'.repeat(200),
  '[',
  '(((((((((((',
  NUL,
  `a${NUL}b`,
  '\r\nSet-Cookie: a=b',
  '\u001b[2J\u001b]0;owned\u0007',
  '\u202egnp.exe\u202c',
  '\u2066isolated\u2069\u200b\ufeff',
  '\ud800',
  '\udfff\ud800',
  'e\u0301',
  '\u00e9',
  '\uff07 OR 1=1',
  'ſ\u0130\u0131\u1e9e',
  '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}',
  '\u{10ffff}',
  '\ufffe',
  "=cmd|' /C calc'!A0",
  "+SUM(1+1)*cmd|'x'!A",
  '-2+3',
  '@SUM(1)',
  '\t=1+1',
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '${7*7}{{7*7}}#{7*7}',
  '${jndi:ldap://127.0.0.1/a}',
  '../../../../etc/passwd',
  '..\\..\\windows',
  'file:///etc/passwd',
  'http://169.254.169.254/latest/meta-data/',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  'NaN',
  'true',
  '-0',
  '1e309',
  '9007199254740993',
  '0x10',
  '',
  ' ',
  '\n',
  '\u2028',
  '111122223333',
  '000000000000',
  '999999999999999999999',
  '10.0.0.0/8',
  '0.0.0.0/0',
  '::/0',
  '1.2.3.4/33',
  '::ffff:999.1.1.1/129',
  '010.1.1.1',
];

const DATES: readonly [string, ...string[]] = [
  '2026-02-29T00:00:00Z',
  '2024-02-29T23:59:60Z',
  '0000-00-00T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '+275760-09-13T00:00:00Z',
  '-000001-01-01T00:00:00Z',
  '1969-12-31T23:59:59Z',
  '2026-03-01T00:00:00+25:00',
  '2026-03-01',
  'yesterday',
  '20260301T000000Z',
  '2026-03-01T00:00:00.123456789Z',
  '7431-01-01T00:00:00Z',
];

const NUMBERS: readonly [string, ...string[]] = [
  '0',
  '-0',
  '-1',
  '2147483647',
  '2147483648',
  '-2147483649',
  '9007199254740993',
  '1e308',
  '1e309',
  '-1e-400',
  '0.1',
  '9.82222E-5',
  '1'.repeat(400),
];

/** Values that nobody sends who means well; the same seed gives the same ones. */
export class Hostile {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  text(): string {
    const { random } = this;
    const one = random.pick(TEXTS);
    switch (random.below(8)) {
      case 0:
        return one + random.pick(TEXTS);
      case 1:
        return one.repeat(1 + random.below(50));
      case 2:
        return random.chance(0.1) ? random.pick(['A', '\u00e4', '\u202e', '"']).repeat(70_000) : one;
      case 3:
        return Array.from({ length: random.below(12) }, () =>
          String.fromCharCode(random.below(random.chance(0.5) ? 160 : 65_536)),
        ).join('');
      default:
        return one;
    }
  }

  /** A text that UTF-8 can say. */
  wellFormed(): string {
    return this.text().toWellFormed();
  }

  date(): string {
    return this.random.chance(0.7) ? this.random.pick(DATES) : this.text();
  }

  /** As JSON writes it, also where no double can hold it. */
  number(): string {
    return this.random.pick(NUMBERS);
  }

  /** Any JSON text, duplicate and dangerous names included. */
  json(depth = 3): string {
    const { random } = this;
    switch (random.below(depth > 0 ? 9 : 6)) {
      case 0:
        return this.number();
      case 1:
        return random.pick(['null', 'true', 'false']);
      case 2:
        return '{}';
      case 6:
        return `[${this.#several(() => this.json(depth - 1)).join(',')}]`;
      case 7:
        return `{${this.#several(() => `${this.name()}:${this.json(depth - 1)}`).join(',')}}`;
      case 8:
        return random.chance(0.1) ? `${'['.repeat(3_000)}${']'.repeat(3_000)}` : '[[[[{"a":[{}]}]]]]';
      default:
        return JSON.stringify(this.text());
    }
  }

  /** A member's name, quoted. */
  name(): string {
    return JSON.stringify(this.random.chance(0.3) ? '__proto__' : this.text());
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.random.below(256)));
  }

  #several(make: () => string): string[] {
    return Array.from({ length: this.random.below(6) }, make);
  }
}
