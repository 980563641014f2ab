import {
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isObjectType,
} from 'graphql';
import type { Hostile } from '#test/fuzz/hostile';
import { hostileFilter } from '#test/fuzz/hostile-filters';

export interface HostileOperation {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Fields of the schema as it stands, with hostile arguments: what others add later is asked, too. */
export class HostileDocuments {
  readonly #schema: GraphQLSchema;
  readonly #hostile: Hostile;
  readonly #ids: readonly string[];
  readonly #variables: Record<string, unknown> = {};
  readonly #definitions: string[] = [];

  /** `ids` are real ones, to be given where they do not belong. */
  constructor(schema: GraphQLSchema, hostile: Hostile, ids: readonly string[]) {
    this.#schema = schema;
    this.#hostile = hostile;
    this.#ids = ids;
  }

  /** One to four root fields of the query type, or those of the mutation type that are named. */
  operation(mutations?: readonly string[]): HostileOperation {
    const { random } = this.#hostile;
    const root = mutations === undefined ? this.#schema.getQueryType() : this.#schema.getMutationType();
    const fields = Object.values(root?.getFields() ?? {}).filter(
      ({ name }) => mutations?.includes(name) ?? !name.startsWith('_'),
    );
    const count = mutations === undefined ? 1 + random.below(3) : 1;
    const asked = Array.from({ length: count }, (_, index) => {
      const field = fields[random.below(fields.length)];
      return field === undefined ? '__typename' : `f${index}: ${this.#field(field, 4)}`;
    });
    const head = this.#definitions.length === 0 ? '' : `(${this.#definitions.join(', ')})`;
    const kind = mutations === undefined ? 'query' : 'mutation';
    return { query: `${kind} Fuzz${head} { ${asked.join(' ')} }`, variables: this.#variables };
  }

  #field(field: GraphQLField<unknown, unknown>, depth: number): string {
    const given = field.args
      .filter(({ type }) => this.#hostile.random.chance(0.6) || getNullableType(type) !== type)
      .map(({ name, type }) => `${name}: ${this.#argument(name, type)}`);
    const args = given.length === 0 ? '' : `(${given.join(', ')})`;
    return `${field.name}${args} ${this.#selection(field.type, depth)}`;
  }

  #selection(output: GraphQLOutputType, depth: number): string {
    const type = getNamedType(output);
    if (!isCompositeType(type)) return '';
    if (!isObjectType(type) || depth === 0) return '{ __typename }';
    const { random } = this.#hostile;
    const chosen = Object.values(type.getFields()).filter(
      ({ name }) => name === 'edges' || name === 'node' || random.chance(0.25),
    );
    const fields = chosen.slice(0, 8).map((field) => this.#field(field, depth - 1));
    return `{ __typename ${fields.join(' ')} }`;
  }

  #argument(name: string, type: GraphQLInputType): string {
    const variable = `v${this.#definitions.length}`;
    this.#definitions.push(`$${variable}: ${String(type)}`);
    this.#variables[variable] = name === 'filter' ? hostileFilter(this.#hostile) : this.#value(type, 3);
    return `$${variable}`;
  }

  #value(type: GraphQLInputType, depth: number): unknown {
    const { random } = this.#hostile;
    if (random.chance(0.05)) return JSON.parse(this.#hostile.json()) as unknown;
    const nullable = getNullableType(type);
    if (isListType(nullable)) {
      const of = nullable.ofType as GraphQLInputType;
      return Array.from({ length: random.below(4) }, () => this.#value(of, depth - 1));
    }
    if (isEnumType(nullable)) {
      const values = nullable.getValues();
      return random.chance(0.9) ? values[random.below(values.length)]?.name : this.#hostile.text();
    }
    if (isInputObjectType(nullable)) {
      if (depth <= 0) return {};
      const fields = Object.values(nullable.getFields()).filter(
        (field) => random.chance(0.6) || getNullableType(field.type) !== field.type,
      );
      return Object.fromEntries(fields.map((field) => [field.name, this.#value(field.type, depth - 1)]));
    }
    return this.#scalar(String(nullable));
  }

  #scalar(type: string): unknown {
    const { random } = this.#hostile;
    if (type === 'Int' || type === 'Float' || type === 'Long') {
      return random.chance(0.6) ? random.below(60) : Number(this.#hostile.number());
    }
    if (type === 'Boolean') return random.chance(0.9) ? random.chance(0.5) : this.#hostile.text();
    if (type === 'DateTime') return this.#hostile.date();
    const id = this.#ids[random.below(this.#ids.length)];
    if (id === undefined || random.chance(0.5)) return this.#hostile.text();
    if (random.chance(0.5)) return id;
    const at = random.below(id.length);
    return `${id.slice(0, at)}${random.pick(['A', 'z', '0', '_', '=', ''])}${id.slice(at + 1)}`;
  }
}

/** Documents whose form is the attack. */
export function monstrousDocument(hostile: Hostile): string {
  const { random } = hostile;
  const many = 10 ** (1 + random.below(5));
  switch (random.below(11)) {
    case 0:
      return `{ ${Array.from({ length: Math.min(many, 200_000) }, (_, index) => `a${index}:__typename`).join(' ')} }`;
    case 1:
      return `{ ${'__typename '.repeat(many)} }`;
    case 2:
      return `${'{ a '.repeat(Math.min(many, 50_000))}`;
    case 3:
      return `query { __typename ${'@skip(if:false)'.repeat(Math.min(many, 50_000))} }`;
    case 4:
      return 'query { ...A } fragment A on Query { ...B } fragment B on Query { ...A }';
    case 5:
      return `{ __schema { types { ${'fields { type { '.repeat(20)}name${' } }'.repeat(20)} } } }`;
    case 6:
      return `query ($v: ${'['.repeat(Math.min(many, 10_000))}Int${']'.repeat(Math.min(many, 10_000))}) { __typename }`;
    case 7:
      return `{ events(filter: ${'{not:'.repeat(Math.min(many, 10_000))}{}${'}'.repeat(Math.min(many, 10_000))}) { __typename } }`;
    case 8:
      return `query ${hostile.text()} { ${hostile.text()} }`;
    case 9:
      return `{ event(id: "${hostile.text()}") { raw } }`;
    default:
      return `{ events(first: ${hostile.number()}, after: ${JSON.stringify(hostile.text())}) { edges { cursor } } }`;
  }
}
