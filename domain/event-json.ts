/**
 * A text that two JSON documents share exactly when they say the same, formatting aside: white space, order
 * of members and spelling of strings (escapes) do not count; numbers keep their digits, because 1.0 and 1 or
 * 9.82222E-5 and 0.0000982222 are different evidence; members of the same name stay in their order.
 *
 * `raw` is JSON that parseEvent accepted (its depth bounds the recursion). Throws SyntaxError on other input.
 */
export function canonicalJson(raw: Buffer): string {
  const scanner = new Scanner(raw.toString('utf8'));
  const canonical = scanner.value();
  scanner.end();
  return canonical;
}

const WHITE_SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const NUMBER_OR_NAME = /-?[\w.+-]+/y;

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): string {
    this.#skip();
    const char = this.#text[this.#at];
    if (char === '{') return this.#members();
    if (char === '[') return this.#items();
    return char === '"' ? this.#string() : this.#take(NUMBER_OR_NAME);
  }

  end(): void {
    this.#skip();
    if (this.#at < this.#text.length) throw this.#fault();
  }

  #members(): string {
    const members: (readonly [name: string, value: string])[] = [];
    this.#list('}', () => {
      const name = this.#string();
      this.#skip();
      if (this.#text[this.#at] !== ':') throw this.#fault();
      this.#at += 1;
      members.push([name, this.value()]);
    });
    // Stable: members of one name keep their order.
    members.sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
    return `{${members.map(([name, value]) => `${name}:${value}`).join(',')}}`;
  }

  #items(): string {
    const items: string[] = [];
    this.#list(']', () => items.push(this.value()));
    return `[${items.join(',')}]`;
  }

  #list(close: string, readOne: () => void): void {
    this.#at += 1;
    this.#skip();
    if (this.#text[this.#at] === close) {
      this.#at += 1;
      return;
    }
    for (;;) {
      this.#skip();
      readOne();
      this.#skip();
      const next = this.#text[this.#at];
      this.#at += 1;
      if (next === close) return;
      if (next !== ',') throw this.#fault();
    }
  }

  #string(): string {
    return JSON.stringify(JSON.parse(this.#take(STRING)));
  }

  #skip(): void {
    WHITE_SPACE.lastIndex = this.#at;
    WHITE_SPACE.test(this.#text);
    this.#at = WHITE_SPACE.lastIndex;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw this.#fault();
    this.#at += found.length;
    return found;
  }

  #fault(): SyntaxError {
    return new SyntaxError(`not JSON at position ${this.#at}`);
  }
}
