import { getDocumentNodeFromSchema } from '@graphql-tools/utils';
import { type GraphQLSchema, parse, print } from 'graphql';
import { buildSchemaSync } from 'type-graphql';
import { DateTime } from '#subgraphs/shared/scalars';

/** A class that type-graphql has decorated. */
export type DecoratedClass = new (...args: never[]) => object;

export interface SubgraphClasses {
  readonly resolvers: readonly [DecoratedClass, ...DecoratedClass[]];
  /** Types that no field of this subgraph returns: entities that it only adds fields to. */
  readonly entities?: readonly DecoratedClass[];
}

/** What the rooms use of federation; composition refuses a directive that is not imported. */
const LINK = `extend schema @link(
  url: "https://specs.apollo.dev/federation/v2.9"
  import: ["@key", "@shareable", "@external", "@requires", "@provides", "@override", "@inaccessible", "@tag"]
)`;

/** type-graphql asks for it; our subscriptions bring a `subscribe` of their own, fed from the journal. */
const NO_TOPICS = { publish: noTopic, subscribe: noTopic };

function noTopic(): never {
  throw new Error('Subscriptions have no topics here: give each a `subscribe`.');
}

/** The classes as type-graphql sees them: with resolvers, without federation. */
export function classesToSchema({ resolvers, entities = [] }: SubgraphClasses): GraphQLSchema {
  const [first, ...others] = resolvers;
  return buildSchemaSync({
    resolvers: [first, ...others],
    orphanedTypes: [...entities],
    scalarsMap: [{ type: Date, scalar: DateTime }],
    // Half a federated schema is no whole one: types may lack fields that other subgraphs give.
    skipCheck: true,
    validate: false,
    pubSub: NO_TOPICS,
  });
}

/** The SDL that is committed, composed and served: descriptions, federation's directives and its `@link`. */
export function schemaToSdl(schema: GraphQLSchema): string {
  const { definitions, ...document } = getDocumentNodeFromSchema(schema);
  const link = parse(LINK, { noLocation: true }).definitions;
  const own = definitions.filter(({ kind }) => kind !== 'SchemaDefinition');
  return `${print({ ...document, definitions: [...link, ...own] })}\n`;
}
