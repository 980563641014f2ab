import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';

/** Values for arguments, by `field.argument`, by name of the argument or input field, or by scalar type. */
export type Samples = Readonly<Record<string, unknown>>;

export interface WalkedOperation {
  /** The root field, or `_entities` with its type. */
  readonly name: string;
  readonly query: string;
  readonly variables: Record<string, unknown>;
}

/** Deep enough for a connection's node, an entity behind it, and an object of that entity. */
const DEPTH = 7;

/** One operation for every field of a root type, selecting everything below it that needs no further choice. */
export function rootOperations(
  schema: GraphQLSchema,
  kind: 'query' | 'mutation',
  samples: Samples,
): WalkedOperation[] {
  const root = kind === 'query' ? schema.getQueryType() : schema.getMutationType();
  return Object.values(root?.getFields() ?? {})
    .filter(({ name }) => !name.startsWith('_'))
    .map((field) => {
      const writer = new OperationWriter(schema, samples);
      return writer.finish(kind, field.name, writer.field(field, []) ?? field.name);
    });
}

/** One `_entities` operation for every entity of a subgraph. */
export function entityOperations(schema: GraphQLSchema, id: (type: string) => string): WalkedOperation[] {
  const entities = schema.getType('_Entity');
  if (!isAbstractType(entities)) return [];
  return schema.getPossibleTypes(entities).map((type) => {
    const writer = new OperationWriter(schema, {});
    const selection = `_entities(representations: $representations) { ... on ${type.name} ${writer.below(type, [])} }`;
    const operation = writer.finish('query', `_entities ${type.name}`, selection, [
      '$representations: [_Any!]!',
    ]);
    const representations = [{ __typename: type.name, id: id(type.name) }];
    return { ...operation, variables: { ...operation.variables, representations } };
  });
}

class OperationWriter {
  readonly #schema: GraphQLSchema;
  readonly #samples: Samples;
  readonly #definitions: string[] = [];
  readonly #variables: Record<string, unknown> = {};

  constructor(schema: GraphQLSchema, samples: Samples) {
    this.#schema = schema;
    this.#samples = samples;
  }

  finish(kind: string, name: string, selection: string, definitions: string[] = []): WalkedOperation {
    const all = [...definitions, ...this.#definitions];
    const query = `${kind}${all.length === 0 ? '' : ` (${all.join(', ')})`} { ${selection} }`;
    return { name, query, variables: this.#variables };
  }

  /** Undefined where the field leads too deep, or back to a type above it. */
  field(field: GraphQLField<unknown, unknown>, above: readonly string[]): string | undefined {
    const type = getNamedType(field.type);
    if (above.includes(type.name) || above.length >= DEPTH) return undefined;
    const below = isLeafType(type) ? '' : ` ${this.below(type, above)}`;
    const args = field.args.filter(
      (argument) =>
        isRequiredArgument(argument) ||
        argument.name in this.#samples ||
        `${field.name}.${argument.name}` in this.#samples,
    );
    const given = args.map((argument) => `${argument.name}: ${this.#variable(field.name, argument)}`);
    return `${field.name}${given.length === 0 ? '' : `(${given.join(', ')})`}${below}`;
  }

  below(type: GraphQLNamedType, above: readonly string[]): string {
    if (isAbstractType(type) && !isInterfaceType(type)) {
      const parts = this.#schema
        .getPossibleTypes(type)
        .map((one) => `... on ${one.name} ${this.below(one, above)}`);
      return `{ __typename ${parts.join(' ')} }`;
    }
    if (!isObjectType(type) && !isInterfaceType(type)) return '';
    const fields = Object.values(type.getFields()).map((field) => this.field(field, [...above, type.name]));
    return `{ __typename ${fields.filter((field) => field !== undefined).join(' ')} }`;
  }

  #variable(field: string, argument: GraphQLArgument): string {
    const name = `v${this.#definitions.length}`;
    this.#definitions.push(`$${name}: ${String(argument.type)}`);
    const own = this.#samples[`${field}.${argument.name}`];
    this.#variables[name] = own ?? this.#sample(argument.name, argument.type);
    return `$${name}`;
  }

  #sample(name: string, type: GraphQLInputType): unknown {
    if (name in this.#samples) return this.#samples[name];
    if (isNonNullType(type)) return this.#sample(name, type.ofType);
    if (isListType(type)) return [this.#sample(name, type.ofType)];
    if (isEnumType(type)) return type.getValues()[0]?.name;
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields());
      const needed = fields.filter((field) => isRequiredInputField(field) || field.name in this.#samples);
      return Object.fromEntries(needed.map((field) => [field.name, this.#sample(field.name, field.type)]));
    }
    if (type.name in this.#samples) return this.#samples[type.name];
    return BUILT_IN[type.name];
  }
}

const BUILT_IN: Samples = {
  String: 'sample',
  ID: 'sample',
  Int: 1,
  Float: 1,
  Boolean: true,
  Long: 1,
  DateTime: '2026-01-01T00:00:00Z',
};
