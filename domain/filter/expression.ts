import { CairnError } from '#domain/errors';
import { lexExpression, type Token } from '#domain/filter/expression-lexer';
import { FILTER_FIELDS, type FilterField } from '#domain/filter/filter';
import {
  FIELD_RULES,
  type EventFilterInput,
  type FieldInput,
  type FilterOperator,
} from '#domain/filter/input';

/** Far more than a filter of 10 levels needs; bounds the recursion. */
const MAX_NESTING = 50;

/**
 * Reads the filter that people type, into the same input that GraphQL takes:
 *
 *     eventName=ConsoleLogin and (errorCode exists or sourceIPAddress in 10.0.0.0/8)
 *     and not username in (alice, "bob smith") and eventName^=Get and region!=us-east-1
 *     and "some words" and eventTime>=2026-01-01 and eventTime<2026-01-31T12:00:00Z
 *
 * `not` binds closest, then `and`, then `or`. `=` and `!=` compare, `^=` is a prefix, `in` takes a list or,
 * for sourceIPAddress, a network; a quoted text by itself is words. Values with blanks, commas, brackets or
 * quotes are quoted ("\"" and "\\" escape). A date alone is its first instant, UTC.
 *
 * Throws INVALID_FILTER whose path is the column, such as `column 14`. Values are not checked: checkFilter
 * does that, where the filter is used.
 */
export function parseFilterExpression(text: string): EventFilterInput {
  const parser = new Parser(lexExpression(text));
  return parser.expression();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #nesting = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  expression(): EventFilterInput {
    const filter = this.#or();
    const rest = this.#peek();
    if (rest.kind !== 'end') throw fault(rest, 'and, or, or the end is expected here.');
    return filter;
  }

  #or(): EventFilterInput {
    const filters = [this.#and()];
    while (this.#takeKeyword('or')) filters.push(this.#and());
    return filters.length === 1 && filters[0] !== undefined ? filters[0] : { or: filters };
  }

  #and(): EventFilterInput {
    const filters = [this.#not()];
    while (this.#takeKeyword('and')) filters.push(this.#not());
    return filters.length === 1 && filters[0] !== undefined ? filters[0] : { and: filters };
  }

  #not(): EventFilterInput {
    return this.#takeKeyword('not') ? { not: this.#nested(() => this.#not()) } : this.#primary();
  }

  #primary(): EventFilterInput {
    const token = this.#next();
    if (token.kind === 'quoted') return { words: token.text };
    if (token.kind === 'symbol' && token.text === '(') {
      const inner = this.#nested(() => this.#or());
      this.#expect(')');
      return inner;
    }
    if (token.kind !== 'word') throw fault(token, 'A field, a quoted text, not or ( is expected here.');
    return this.#condition(token);
  }

  #nested(read: () => EventFilterInput): EventFilterInput {
    this.#nesting += 1;
    if (this.#nesting > MAX_NESTING) throw fault(this.#peek(), 'The filter is nested too deep.');
    const filter = read();
    this.#nesting -= 1;
    return filter;
  }

  #condition(name: Token): EventFilterInput {
    if (name.text === 'eventTime') return this.#time();
    if (name.text === 'words') return this.#words();
    const field = FILTER_FIELDS.find((known) => known === name.text);
    if (field === undefined) {
      throw fault(
        name,
        `There is no such field; fields are ${[...FILTER_FIELDS, 'eventTime', 'words'].join(', ')}.`,
      );
    }
    const operator = this.#next();
    switch (operator.kind === 'quoted' ? '' : operator.text.toLowerCase()) {
      case '=':
        return this.#compared(field, operator);
      case '!=':
        return { not: this.#compared(field, operator) };
      case '^=':
        return only(field, operator, { prefix: this.#value().text });
      case 'exists':
        return only(field, operator, { exists: true });
      case 'in':
        return this.#oneOf(field, operator);
      default:
        throw fault(operator, '=, !=, ^=, in or exists is expected here.');
    }
  }

  #compared(field: FilterField, operator: Token): EventFilterInput {
    const value = this.#value();
    if (FIELD_RULES[field].value !== 'boolean') return only(field, operator, { equals: value.text });
    if (value.text !== 'true' && value.text !== 'false')
      throw fault(value, 'true or false is expected here.');
    return only(field, operator, { equals: value.text === 'true' });
  }

  #oneOf(field: FilterField, operator: Token): EventFilterInput {
    const first = this.#peek();
    if (first.kind !== 'symbol') {
      const { text } = this.#value();
      const isNetwork = field === 'sourceIPAddress' && text.includes('/');
      return only(field, operator, isNetwork ? { cidr: text } : { in: [text] });
    }
    this.#expect('(');
    const values = [this.#value().text];
    while (this.#takeSymbol(',')) values.push(this.#value().text);
    this.#expect(')');
    return only(field, operator, { in: values });
  }

  #time(): EventFilterInput {
    const operator = this.#next();
    if (operator.kind !== 'symbol' || (operator.text !== '>=' && operator.text !== '<')) {
      throw fault(operator, '>= or < is expected here: a time range is from <= eventTime < to.');
    }
    const { text } = this.#value();
    const instant = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text;
    return { eventTime: operator.text === '<' ? { to: instant } : { from: instant } };
  }

  #words(): EventFilterInput {
    this.#expect('=');
    return { words: this.#value().text };
  }

  #value(): Token {
    const token = this.#next();
    if (token.kind === 'word' || token.kind === 'quoted') return token;
    throw fault(token, 'A value is expected here.');
  }

  #expect(symbol: string): void {
    const token = this.#next();
    if (token.kind !== 'symbol' || token.text !== symbol) throw fault(token, `${symbol} is expected here.`);
  }

  #takeSymbol(symbol: string): boolean {
    const token = this.#peek();
    const isIt = token.kind === 'symbol' && token.text === symbol;
    if (isIt) this.#at += 1;
    return isIt;
  }

  #takeKeyword(keyword: string): boolean {
    const token = this.#peek();
    const isIt = token.kind === 'word' && token.text.toLowerCase() === keyword;
    if (isIt) this.#at += 1;
    return isIt;
  }

  /** The lexer's list ends with a token of kind `end`, which stays. */
  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '', column: 1 };
  }

  #next(): Token {
    const token = this.#peek();
    if (token.kind !== 'end') this.#at += 1;
    return token;
  }
}

function only(field: FilterField, at: Token, condition: FieldInput): EventFilterInput {
  const [operator] = Object.keys(condition);
  const { operators } = FIELD_RULES[field];
  if (operators.some((known: FilterOperator) => known === operator)) return { [field]: condition };
  throw fault(at, `${field} can be asked by ${operators.join(', ')} only.`);
}

function fault({ column }: Token, message: string): CairnError {
  return new CairnError('INVALID_FILTER', message, { path: `column ${column}` });
}
