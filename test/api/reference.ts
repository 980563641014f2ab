import {
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  astFromValue,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  print,
} from 'graphql';
import { codeMeanings } from '#test/api/error-codes';
import { type ApiExample, WHO } from '#test/api/example';
import { API_INTRODUCTION } from '#test/api/introduction';

interface Described {
  readonly name: string;
  readonly description?: string | null | undefined;
}

/** Connections and their edges are all alike; the introduction says how they are read. */
const PAGING = /(?:Connection|Edge)$/;

/** The text of docs/api.md: every field of the roots with its example, every type, and the codes of errors. */
export function apiReference(schema: GraphQLSchema, examples: readonly ApiExample[]): string {
  const types = namedTypes(schema);
  const roots = rootFields(schema);
  const sections = [
    API_INTRODUCTION,
    contents(roots),
    ...roots.map(
      ({ kind, fields }) =>
        `## ${titleOf(kind)}\n\n${fields.map((field) => rootField(kind, field, examples)).join('\n\n')}`,
    ),
    `## Types\n\n${types.filter(isObjectType).map(objectType).join('\n\n')}`,
    `## Inputs\n\n${types.filter(isInputObjectType).map(inputType).join('\n\n')}`,
    `## Enums\n\n${types.filter(isEnumType).map(enumType).join('\n\n')}`,
    `## Scalars\n\n${table(['scalar', 'what it is'], types.filter(isScalarType).map(anchored))}`,
    `## Codes of errors\n\n${codes()}`,
  ];
  return `${sections.join('\n\n')}\n`;
}

type Kind = 'query' | 'mutation' | 'subscription';
type RootField = GraphQLField<unknown, unknown>;

/** The fields of the three roots, in the order of the alphabet. */
export function rootFields(schema: GraphQLSchema): { readonly kind: Kind; readonly fields: RootField[] }[] {
  const roots = [
    { kind: 'query', type: schema.getQueryType() },
    { kind: 'mutation', type: schema.getMutationType() },
    { kind: 'subscription', type: schema.getSubscriptionType() },
  ] as const;
  return roots.map(({ kind, type }) => ({
    kind,
    fields: Object.values(type?.getFields() ?? {}).toSorted((one, other) => (one.name < other.name ? -1 : 1)),
  }));
}

function namedTypes(schema: GraphQLSchema): GraphQLNamedType[] {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  return Object.values(schema.getTypeMap())
    .filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type) && !PAGING.test(type.name))
    .filter((type) => !roots.some((root) => root === type))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

function titleOf(kind: Kind): string {
  return { query: 'Queries', mutation: 'Mutations', subscription: 'Subscriptions' }[kind];
}

function contents(roots: ReturnType<typeof rootFields>): string {
  return roots
    .map(
      ({ kind, fields }) =>
        `- ${titleOf(kind)}: ${fields.map(({ name }) => `[${name}](#${kind}-${name.toLowerCase()})`).join(', ')}`,
    )
    .join('\n');
}

function rootField(kind: Kind, field: RootField, examples: readonly ApiExample[]): string {
  const example = examples.find((one) => one.field === `${kind} ${field.name}`);
  const args = field.args.map(
    (argument) => [code(argument.name), typeText(argument), text(argument)] as const,
  );
  return [
    `### ${kind} ${field.name}`,
    text(field),
    `Gives ${linked(field.type)}. ${example === undefined ? '' : `*Who may:* ${WHO[example.who].text}`}`.trim(),
    ...(args.length === 0 ? [] : [table(['argument', 'type', 'meaning'], args)]),
    ...(example === undefined ? [] : [exampleText(example)]),
  ].join('\n\n');
}

function exampleText({ operation, variables, answer }: ApiExample): string {
  return [
    fence('graphql', operation),
    ...(variables === undefined ? [] : [`with\n\n${fence('json', JSON.stringify(variables, null, 2))}`]),
    `answers\n\n${fence('json', JSON.stringify({ data: answer }, null, 2))}`,
  ].join('\n\n');
}

function objectType(type: GraphQLNamedType): string {
  if (!isObjectType(type)) return '';
  const rows = Object.values(type.getFields()).map((field) => {
    const args = field.args.map((argument) => `<br>${code(argument.name)}: ${text(argument)}`).join('');
    return [signature(field), linked(field.type), `${text(field)}${args}`] as const;
  });
  return `### ${type.name}\n\n${text(type)}\n\n${table(['field', 'type', 'meaning'], rows)}`;
}

function signature({ name, args }: RootField): string {
  return args.length === 0
    ? code(name)
    : code(`${name}(${args.map((argument) => argument.name).join(', ')})`);
}

function inputType(type: GraphQLNamedType): string {
  if (!isInputObjectType(type)) return '';
  const rows = Object.values(type.getFields()).map(
    (field) => [code(field.name), typeText(field), text(field)] as const,
  );
  return `### ${type.name}\n\n${text(type)}\n\n${table(['field', 'type', 'meaning'], rows)}`;
}

function enumType(type: GraphQLNamedType): string {
  if (!isEnumType(type)) return '';
  const rows = type.getValues().map((value) => [code(value.name), text(value)] as const);
  return `### ${type.name}\n\n${text(type)}\n\n${table(['value', 'meaning'], rows)}`;
}

/** A row that links can lead to. */
function anchored(type: GraphQLNamedType): readonly string[] {
  return [`<a id="${type.name.toLowerCase()}"></a>${code(type.name)}`, text(type)];
}

function codes(): string {
  const rows = codeMeanings().map(
    (one) => [code(one.code), String(one.status), one.retryable ? 'yes' : '', one.meaning] as const,
  );
  return table(['code', 'HTTP', 'try again', 'meaning'], rows);
}

interface Taken {
  readonly type: GraphQLInputType;
  readonly defaultValue?: unknown;
}

/** With its default, as it is written in GraphQL. */
function typeText({ type, defaultValue }: Taken): string {
  const value = defaultValue === undefined ? undefined : astFromValue(defaultValue, type);
  return value ? `${linked(type)} = ${code(print(value))}` : linked(type);
}

/** `[Account!]!` with a link where the reference describes it. */
function linked(type: GraphQLInputType | GraphQLOutputType): string {
  const { name } = getNamedType(type);
  const shown = String(type).replaceAll('[', '\\[').replaceAll(']', '\\]');
  if (isSpecifiedScalarType(getNamedType(type))) return shown;
  if (name.endsWith('Connection')) {
    const node = name.slice(0, -'Connection'.length);
    return `${shown} of [${node}](#${node.toLowerCase()})`;
  }
  return shown.replace(name, `[${name}](#${name.toLowerCase()})`);
}

/** A description on one line. */
function text({ description }: Pick<Described, 'description'>): string {
  return (description ?? '').trim().replaceAll(/\s+/g, ' ');
}

function code(words: string): string {
  return `\`${words}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

function fence(language: string, words: string): string {
  return `\`\`\`${language}\n${words}\n\`\`\``;
}
