import { CairnError } from '#domain/errors';

export interface Token {
  readonly kind: 'word' | 'quoted' | 'symbol' | 'end';
  /** Of a quoted text, what it says, without quotes and escapes. */
  readonly text: string;
  /** 1-based, in UTF-16 units. */
  readonly column: number;
}

/** A filter of 100 values has some 3,000 characters. */
const MAX_CHARS = 20_000;

const BLANK = /\s*/y;
const SYMBOL = /\^=|!=|>=|<=|[=<>(),]/y;
const QUOTED = /"((?:[^"\\]|\\["\\])*)"/y;
/** After an operator a value may hold any of its characters; before it a name does not. */
const NAME = /[^\s(),"=!^<>]+/y;
const VALUE = /[^\s(),"]+/y;

/** Cuts a filter expression into tokens, the last one of kind `end`. Throws INVALID_FILTER with the column. */
export function lexExpression(text: string): readonly Token[] {
  if (text.length > MAX_CHARS) throw fault(MAX_CHARS, `A filter may have ${MAX_CHARS} characters at most.`);
  const tokens: Token[] = [];
  let at = skipBlank(text, 0);
  while (at < text.length) {
    const [token, end] = read(text, at, tokens.at(-1));
    tokens.push(token);
    at = skipBlank(text, end);
  }
  tokens.push({ kind: 'end', text: '', column: text.length + 1 });
  return tokens;
}

function read(text: string, at: number, before: Token | undefined): readonly [token: Token, end: number] {
  const column = at + 1;
  const quoted = matchAt(QUOTED, text, at);
  if (quoted !== undefined) {
    const inner = quoted.slice(1, -1).replaceAll(/\\(["\\])/g, '$1');
    return [{ kind: 'quoted', text: inner, column }, at + quoted.length];
  }
  if (text[at] === '"') throw fault(column, 'The quoted text has no end, or a \\ before neither " nor \\.');
  const isValue = before?.kind === 'symbol' && /^(?:.=|=|[<>])$/.test(before.text);
  const value = isValue ? matchAt(VALUE, text, at) : undefined;
  const symbol = value === undefined ? matchAt(SYMBOL, text, at) : undefined;
  const word = value ?? symbol ?? matchAt(NAME, text, at);
  if (word === undefined) throw fault(column, 'This character means nothing here.');
  return [{ kind: symbol === undefined ? 'word' : 'symbol', text: word, column }, at + word.length];
}

function skipBlank(text: string, at: number): number {
  return at + (matchAt(BLANK, text, at)?.length ?? 0);
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function fault(column: number, message: string): CairnError {
  return new CairnError('INVALID_FILTER', message, { path: `column ${column}` });
}
