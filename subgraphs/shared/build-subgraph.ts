/**
 * How a subgraph is made. Its index.ts exports a definition, and the composition root builds it:
 *
 *     export const trails: SubgraphDefinition<TrailsService> = {
 *       name: 'trails',
 *       resolvers: [CheckpointResolver, AccountResolver],
 *       entities: [Account],                                    // only where no field returns it
 *       references: { Account: ({ id }) => ({ id }) },
 *     };
 *     const subgraph = buildSubgraph(trails, { services: new TrailsService(...), log });
 *
 * Rules that hold for every subgraph:
 * - schema.ts holds type-graphql classes; every type, field, argument, enum value and input field has a
 *   description (a test refuses one without); give every `@Field`, `@Arg`, `@Query` its type thunk. Enums are
 *   registered with values equal to their names.
 * - type-graphql needs `reflect-metadata` before its first decorator: scalars.ts and connection.ts bring it; a file
 *   that imports neither imports it itself.
 * - Resolvers take `@Ctx() context: SubgraphContext<Services>` (import type) and call `context.services`.
 * - An entity is `@Directive('@key(fields: "id")') @ObjectType()`; its key is always `id`. Only the owner's
 *   reference resolver looks it up; the others answer `{ id }`, and their fields are nullable: where the key's
 *   owner is not asked, nobody has checked that the entity exists. `Account.id` is `AccountId`, `Event.id` is `ID`.
 * - Shared types (`PageInfo`) are `@shareable`; paging is subgraphs/shared/connection.ts; scalars are
 *   subgraphs/shared/scalars.ts.
 * - Refusals are `CairnError`s; they become `extensions.code` and `extensions.argument`. Anything else is masked
 *   with a reference and logged.
 * - Roles are checked here before any resolver runs: Query fields, Subscription fields and `_entities` need a key
 *   that may read, Mutation fields one that may write (READERS_MUTATIONS of domain/principal.ts: one that may read). Accounts are the services' own check: `requireAccount(context, id)`, and
 *   in a reference resolver `null` for what the key does not cover.
 * - What is recorded of its calls, and nothing else, stands in `trail`: a mutation that is not described there keeps
 *   the process from starting (domain/own-events.ts, docs/own-trail.md).
 * - One look-up per entity is one too many: `batchPerRequest` in subgraphs/shared/batch.ts joins them.
 */
import { buildSubgraphSchema, type GraphQLSchemaModule } from '@apollo/subgraph';
import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  execute,
  Kind,
  createSourceEventStream,
  getOperationAST,
  isUnionType,
  parse,
} from 'graphql';
import { createResolversMap } from 'type-graphql';
import { CairnError } from '#domain/errors';
import type { OwnTrailRules } from '#domain/own-events';
import { READERS_MUTATIONS } from '#domain/principal';
import { type ErrorLog, presentError } from '#platform/graphql/present-error';
import { SharedResults, mapMessages, selectionOf } from '#platform/graphql/streams/shared-results';
import { type ResultStream, startResults } from '#platform/graphql/streams/result-stream';
import { currentRequest } from '#platform/request-context';
import { type Caller, type SubgraphContext, requireReader, requireWriter } from '#subgraphs/shared/context';
import { expectedFailure } from '#subgraphs/shared/expected-failure';
import {
  type Recording,
  type Resolve,
  recordMutations,
  recordReads,
  tellRefusals,
} from '#subgraphs/shared/record-calls';
import { type SubgraphClasses, classesToSchema, schemaToSdl } from '#subgraphs/shared/subgraph-sdl';

/** What the gateway, or anyone with `_entities`, knows of an entity that it wants resolved. */
export interface EntityReference {
  readonly id: string;
}

export type ReferenceResolver<Services> = (
  reference: EntityReference,
  context: SubgraphContext<Services>,
) => unknown;

export interface SubgraphDefinition<Services> extends SubgraphClasses {
  /** As it stands in the supergraph and in `/subgraphs/<name>/graphql`. */
  readonly name: string;
  /** Subscriptions whose messages say the same to everybody who is told. */
  readonly shared?: readonly string[];
  /** What is recorded of the calls of its root fields (domain/own-events.ts). Without it: no mutations. */
  readonly trail?: OwnTrailRules;
  /** By type name, one for every entity: federation answers without asking where none is. `null` means not found. */
  readonly references?: Readonly<Record<string, ReferenceResolver<Services>>>;
}

/** An operation that the gateway hands over, planned and checked. */
export interface SubgraphRequest {
  readonly document: DocumentNode;
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  readonly operationName?: string | undefined;
  readonly caller: Caller;
  readonly signal: AbortSignal;
}

export interface Subgraph {
  readonly name: string;
  readonly sdl: string;
  readonly schema: GraphQLSchema;
  /** For resolvers run by someone else (the HTTP door). */
  contextFor(caller: Caller, signal: AbortSignal): SubgraphContext;
  /** Errors are presented (coded or masked) already. */
  execute(request: SubgraphRequest): Promise<ExecutionResult>;
  /** The same for a subscription: its results, or the one that says why there are none. */
  subscribe(request: SubgraphRequest): Promise<ResultStream | ExecutionResult>;
  present(error: GraphQLError, caller: Pick<Caller, 'requestId'>): GraphQLError;
}

/** The SDL of a definition, without its services: what `npm run schema` writes. */
export function subgraphSdl(classes: SubgraphClasses): string {
  return schemaToSdl(classesToSchema(classes));
}

export interface SubgraphParts<Services> {
  readonly services: Services;
  readonly log: ErrorLog;
  /** Hears of every call. The product's processes always have one; what is built without it records nothing. */
  readonly recorder?: Recording['recorder'] | undefined;
}

export function buildSubgraph<Services>(
  definition: SubgraphDefinition<Services>,
  { services, log, recorder }: SubgraphParts<Services>,
): Subgraph {
  const classes = classesToSchema(definition);
  const sdl = schemaToSdl(classes);
  const recording = recorder && { recorder, rules: definition.trail ?? NOTHING_TOLD };
  const resolvers = resolversOf(classes, definition, recording);
  const schema = buildSubgraphSchema([{ typeDefs: parse(sdl), resolvers }]);
  requireReferences(schema, definition);
  guardEntities(schema);
  const contextFor = (caller: Caller, signal: AbortSignal): SubgraphContext<Services> => ({
    principal: caller.principal,
    requestId: caller.requestId,
    clientAddress: caller.clientAddress,
    userAgent: caller.userAgent ?? currentRequest()?.userAgent,
    signal,
    services,
  });
  const follow = followerOf(definition.shared ?? []);
  const present = (error: GraphQLError, { requestId }: Pick<Caller, 'requestId'>): GraphQLError =>
    presentError(error, { requestId, log, expected: expectedFailure });

  return {
    name: definition.name,
    sdl,
    schema,
    contextFor,
    present,
    async execute({ document, variables, operationName, caller, signal }) {
      const contextValue = contextFor(caller, signal);
      const result = await execute({
        schema,
        document,
        variableValues: variables,
        operationName,
        contextValue,
      });
      if (!result.errors) return result;
      return { ...result, errors: result.errors.map((error) => present(error, caller)) };
    },
    subscribe: ({ document, variables, operationName, caller, signal }) =>
      startResults(
        (ended) => {
          const contextValue = contextFor(caller, ended);
          return follow({ schema, document, variableValues: variables, operationName, contextValue });
        },
        { signal, present: (error) => present(error, caller) },
      ),
  };
}

/** graphql-js's `subscribe`, which would run every message for every subscriber; `shared` ones are run once. */
function followerOf(shared: readonly string[]) {
  const results = new SharedResults();
  return async (args: ExecutionArgs): Promise<AsyncIterable<ExecutionResult> | ExecutionResult> => {
    const source = await createSourceEventStream(args);
    if (!(Symbol.asyncIterator in source)) return source;
    const operation = getOperationAST(args.document, args.operationName);
    const [root] = operation?.selectionSet.selections ?? [];
    const isShared = root?.kind === Kind.FIELD && shared.includes(root.name.value);
    const selection = isShared && operation ? selectionOf(args.document, operation) : undefined;
    return mapMessages(source, async (message) => {
      const run = async (): Promise<ExecutionResult> => execute({ ...args, rootValue: message });
      const isObject = typeof message === 'object' && message !== null;
      return selection !== undefined && isObject ? results.of(message, selection, run) : run();
    });
  };
}

/** Also where `@key` says `resolvable: false`: that is for the composition, `_entities` takes what it is given. */
function requireReferences(
  schema: GraphQLSchema,
  { name, references = {} }: SubgraphDefinition<never>,
): void {
  const entities = schema.getType('_Entity');
  const types = isUnionType(entities) ? entities.getTypes() : [];
  const open = types.filter((type) => !(type.name in references));
  if (open.length > 0) {
    throw new Error(
      `In the subgraph ${name} anyone may claim to know ${open.join(', ')}: add its reference.`,
    );
  }
}

/** Federation's own resolver takes any JSON for a representation, and calls what is no entity a fault of ours. */
function guardEntities(schema: GraphQLSchema): void {
  const field = schema.getQueryType()?.getFields()['_entities'];
  const union = schema.getType('_Entity');
  const resolve = field?.resolve;
  if (field === undefined || resolve === undefined) return;
  const names = new Set<unknown>(isUnionType(union) ? union.getTypes().map(({ name }) => name) : []);
  field.resolve = (source, args: { readonly representations: readonly unknown[] }, context, info) => {
    for (const one of args.representations) {
      const name =
        typeof one === 'object' && one !== null && '__typename' in one ? one.__typename : undefined;
      if (names.has(name)) continue;
      throw new CairnError('INVALID_ARGUMENT', 'A representation names its entity in __typename.', {
        path: 'representations',
      });
    }
    return resolve(source, args, context, info);
  };
}

type Resolvers = NonNullable<GraphQLSchemaModule['resolvers']>;
const NOTHING_TOLD: OwnTrailRules = { mutations: {}, reads: {} };

function resolversOf<Services>(
  classes: GraphQLSchema,
  definition: SubgraphDefinition<Services>,
  recording: Recording | undefined,
): Resolvers {
  const map = createResolversMap(classes) as Record<string, Record<string, Resolve>>;
  const { Subscription: subscriptions } = createResolversMap(classes) as {
    Subscription?: Record<string, SubscriptionField>;
  };
  const guarded: Record<string, object> = {
    ...map,
    ...(map['Query'] && { Query: guardReads(map['Query'], recording) }),
    ...(map['Mutation'] && { Mutation: guardMutations(map['Mutation'], recording) }),
    ...(subscriptions && { Subscription: guardSubscriptions(subscriptions, recording) }),
  };
  for (const [type, resolve] of Object.entries(definition.references ?? {})) {
    Object.assign((guarded[type] ??= {}), { __resolveReference: guardReference(resolve) });
  }
  return guarded as Resolvers;
}

function guard(
  fields: Readonly<Record<string, Resolve>>,
  check: (context: SubgraphContext) => void,
): Record<string, Resolve> {
  const wrap =
    (resolve: Resolve): Resolve =>
    (source, args, context, info) => {
      check(context);
      return resolve(source, args, context, info);
    };
  return Object.fromEntries(Object.entries(fields).map(([name, resolve]) => [name, wrap(resolve)]));
}

type Fields = Readonly<Record<string, Resolve>>;

function guardReads(fields: Fields, recording: Recording | undefined): Record<string, Resolve> {
  if (recording === undefined) return guard(fields, requireReader);
  return tellRefusals(guard(recordReads(fields, recording), requireReader), recording);
}

/** Mutations that change nothing of the installation are for those who read, too. */
function guardMutations(fields: Fields, recording: Recording | undefined): Record<string, Resolve> {
  const recorded = recording === undefined ? fields : recordMutations(fields, recording);
  const open = Object.entries(recorded).filter(([name]) => READERS_MUTATIONS.has(name));
  const guarded = { ...guard(recorded, requireWriter), ...guard(Object.fromEntries(open), requireReader) };
  return recording === undefined ? guarded : tellRefusals(guarded, recording);
}

interface SubscriptionField {
  readonly subscribe: Resolve;
}

function guardSubscriptions(
  fields: Readonly<Record<string, SubscriptionField>>,
  recording: Recording | undefined,
): Record<string, SubscriptionField> {
  const guarded = Object.entries(fields).map(([name, field]): [string, SubscriptionField] => {
    const { [name]: subscribe = field.subscribe } = guardReads({ [name]: field.subscribe }, recording);
    return [name, { ...field, subscribe }];
  });
  return Object.fromEntries(guarded);
}

/** `_entities` takes any JSON as a reference, so its shape is checked here. */
function guardReference<Services>(resolve: ReferenceResolver<Services>) {
  return async (reference: Record<string, unknown>, context: SubgraphContext<Services>): Promise<unknown> => {
    requireReader(context);
    const id = reference['id'];
    if (typeof id !== 'string') {
      throw new CairnError('INVALID_ARGUMENT', 'A reference needs its id as text.', {
        path: 'representations',
      });
    }
    return resolve({ id }, context);
  };
}
