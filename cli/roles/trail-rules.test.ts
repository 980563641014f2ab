import {
  type GraphQLInputType,
  type GraphQLOutputType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isObjectType,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { callEvent } from '#domain/own-events';
import { events } from '#subgraphs/events/index';
import { insights } from '#subgraphs/insights/index';
import { lake } from '#subgraphs/lake/index';
import { organization } from '#subgraphs/organization/index';
import type { SubgraphDefinition } from '#subgraphs/shared/build-subgraph';
import { classesToSchema } from '#subgraphs/shared/subgraph-sdl';
import { trails } from '#subgraphs/trails/index';

/** What may be told is decided field by field: a new field of a root type fails here until somebody has. */
const DEFINITIONS: readonly SubgraphDefinition<never>[] = [organization, events, trails, lake, insights];
const PLACES = DEFINITIONS.map((definition) => {
  const schema = classesToSchema(definition);
  return { name: definition.name, definition, schema };
});
const FIELDS = PLACES.flatMap(({ name, definition, schema }) =>
  Object.values(schema.getMutationType()?.getFields() ?? {}).map((field) => ({
    title: `${name}.${field.name}`,
    field,
    rule: definition.trail?.mutations[field.name],
  })),
);

/** Nothing under such a name is ever told. */
const SECRET = /secret|ticket|token|password|webhook|link|statement|text$/i;
const CALLER = {
  principal: { keyId: 'k', role: 'administrator', accounts: 'ALL' },
  requestId: 'r',
  clientAddress: '192.0.2.1',
} as const;

type Sample = string | readonly Sample[] | { readonly [name: string]: Sample };

/** A value of the type whose every leaf names its place: `<input.name>`. */
function sample(type: GraphQLInputType | GraphQLOutputType, place: string, depth = 0): Sample {
  const inner = getNullableType(type);
  if (isListType(inner)) return [sample(inner.ofType, place, depth)];
  if (depth > 2 || (!isObjectType(inner) && !isInputObjectType(inner)) || isEnumType(inner))
    return `<${place}>`;
  const fields = Object.values(inner.getFields());
  return Object.fromEntries(
    fields.map((field) => [field.name, sample(field.type, `${place}.${field.name}`, depth + 1)]),
  );
}

function leaves(value: Sample): string[] {
  if (typeof value === 'string') return [value];
  return Object.values(value).flatMap((inner: Sample) => leaves(inner));
}

describe.each(PLACES)('the rules of $name', ({ definition, schema }) => {
  it('describe every root field, and none that is not there', () => {
    const { mutations = {}, reads = {} } = definition.trail ?? {};
    const names = (type: { getFields(): object } | null | undefined): string[] =>
      Object.keys(type?.getFields() ?? {}).filter((name) => name !== '_nothing');
    expect(Object.keys(mutations).toSorted()).toEqual(names(schema.getMutationType()).toSorted());
    const readable = [...names(schema.getQueryType()), ...names(schema.getSubscriptionType())];
    expect(Object.keys(reads).toSorted()).toEqual(readable.toSorted());
  });

  it('name arguments of reads that there are', () => {
    for (const type of [schema.getQueryType(), schema.getSubscriptionType()]) {
      for (const field of Object.values(type?.getFields() ?? {})) {
        const known = field.args.map(({ name }) => name);
        for (const name of definition.trail?.reads[field.name] ?? []) expect(known).toContain(name);
      }
    }
  });
});

describe.each(FIELDS)('the rule of $title', ({ field, rule }) => {
  it('lets in what it names, and nothing that is a secret', () => {
    if (rule === undefined || rule === 'unrecorded') {
      expect(field.name).toBe('recordEvents');
      return;
    }
    const args = Object.fromEntries(field.args.map(({ name, type }) => [name, sample(type, name)]));
    const answer = sample(field.type, 'answer');
    const result = typeof answer === 'string' ? answer : { ...Object(answer), userErrors: [] };
    const call = { field: field.name, caller: CALLER, at: 0, args, rule, readOnly: false };
    const told = JSON.stringify(callEvent(call, { result }).record);
    const shown = [...leaves(args), ...leaves(answer)].filter((leaf) => told.includes(leaf));
    expect(shown.filter((leaf) => SECRET.test(leaf))).toEqual([]);
    // Every path of the rule leads somewhere: a renamed field is noticed.
    for (const path of rule.request) expect(shown.some((leaf) => within(leaf, path))).toBe(true);
    for (const path of rule.response) {
      expect(shown.some((leaf) => within(leaf, path === 'value' ? 'answer' : `answer.${path}`))).toBe(true);
    }
    const named = [
      ...rule.request,
      ...rule.response.map((path) => (path === 'value' ? 'answer' : `answer.${path}`)),
    ];
    expect(shown.filter((leaf) => !named.some((path) => within(leaf, path)))).toEqual([]);
  });
});

function within(leaf: string, path: string): boolean {
  return leaf === `<${path}>` || leaf.startsWith(`<${path}.`);
}
