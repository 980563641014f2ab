import {
  Arg,
  Args,
  Ctx,
  Directive,
  Field,
  FieldResolver,
  ID,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import { CairnError } from '#domain/errors';
import { type Principal, coversAccount } from '#domain/principal';
import type { ErrorLog } from '#platform/graphql/present-error';
import { type Subgraph, type SubgraphDefinition, buildSubgraph } from '#subgraphs/shared/build-subgraph';
import { batchPerRequest } from '#subgraphs/shared/batch';
import { PageArgs, connectionOf, edgeOf, pageOf, toConnection } from '#subgraphs/shared/connection';
import { type SubgraphContext, accountNotFound, requireAccount } from '#subgraphs/shared/context';
import { AccountId, DateTime, Long } from '#subgraphs/shared/scalars';

/**
 * Two small subgraphs with one entity between them, for tests of the kit and the gateway: `people` owns Account,
 * `counts` adds to it.
 */
@Directive('@key(fields: "id")')
@ObjectType('Account', { description: 'An account.' })
class Account {
  @Field(() => AccountId, { description: 'Its id.' })
  id!: string;

  @Field(() => String, { description: 'Its name.' })
  name!: string;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;
}

const AccountEdge = edgeOf(Account, 'Account');

@ObjectType({ description: 'Accounts, page by page.' })
class AccountConnection extends connectionOf(AccountEdge) {}

export interface People {
  readonly names: ReadonlyMap<string, string>;
}

const CREATED_AT = new Date('2026-01-02T03:04:05Z');

function accountOf(id: string, { principal, services }: SubgraphContext<People>): Account | null {
  const name = services.names.get(id);
  return name === undefined || !coversAccount(principal, id) ? null : { id, name, createdAt: CREATED_AT };
}

@Resolver(() => Account)
class PeopleResolver {
  @Query(() => Account, { description: 'One account.' })
  account(
    @Arg('id', () => AccountId, { description: 'Its id.' }) id: string,
    @Ctx() context: SubgraphContext<People>,
  ): Account {
    requireAccount(context, id, 'id');
    const account = accountOf(id, context);
    if (!account) throw accountNotFound(id, 'id');
    return account;
  }

  @Query(() => AccountConnection, { description: 'All accounts of the key.' })
  accounts(@Args(() => PageArgs) args: PageArgs, @Ctx() context: SubgraphContext<People>): AccountConnection {
    const page = pageOf(args, { default: 2, max: 100 });
    const all = [...context.services.names.keys()].flatMap((id) => accountOf(id, context) ?? []);
    const rest = all.filter(({ id }) => page.cursor === undefined || id > page.cursor);
    const nodes = rest.slice(0, page.size);
    return toConnection({ page, nodes, more: rest.length > nodes.length, cursorOf: ({ id }) => id });
  }

  @Query(() => String, { nullable: true, description: 'Fails in a way that nobody expected.' })
  broken(): string {
    throw new Error('the password is hunter2');
  }

  @Query(() => String, { nullable: true, description: 'Fails as expected.' })
  refused(): string {
    throw new CairnError('INVALID_FILTER', 'No such field.', { path: 'filter.and[1]' });
  }

  @Query(() => String, { nullable: true, description: 'Never ends before its caller gives up.' })
  async endless(@Ctx() { signal }: SubgraphContext<People>): Promise<string> {
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve, { once: true });
    });
    return 'given up';
  }

  @Query(() => String, { description: 'Who asks, as the subgraph sees it.' })
  whoami(@Ctx() { principal, requestId }: SubgraphContext<People>): string {
    return `${principal.keyId} ${requestId}`;
  }

  @Mutation(() => Boolean, { description: 'Changes nothing.' })
  touch(): boolean {
    return true;
  }
}

@Directive('@key(fields: "id")')
@ObjectType('Account', { description: 'An account.' })
class CountedAccount {
  @Field(() => AccountId, { description: 'Its id.' })
  id!: string;
}

@ObjectType({ description: 'How much an account holds.' })
class Holding {
  @Field(() => Long, { description: 'Events that it holds.' })
  events!: number;
}

export interface Counts {
  /** The keys of each look-up, for tests of batching. */
  readonly lookUps: string[][];
}

const holdingOf = batchPerRequest<SubgraphContext<Counts>, string, Holding>(async (ids, { services }) => {
  services.lookUps.push([...ids]);
  return ids.map((id) => ({ events: Number(id) * 1_000 }));
});

@Resolver(() => CountedAccount)
class CountsResolver {
  @Query(() => String, { description: 'An id that leads nowhere.' })
  nowhere(@Arg('id', () => ID, { description: 'Any id.' }) id: string): string {
    return id;
  }

  @FieldResolver(() => Holding, { nullable: true, description: 'What the account holds.' })
  async holding(@Root() account: CountedAccount, @Ctx() context: SubgraphContext<Counts>): Promise<Holding> {
    return holdingOf(account.id, context);
  }
}

export const peopleDefinition: SubgraphDefinition<People> = {
  name: 'people',
  resolvers: [PeopleResolver],
  references: { Account: ({ id }, context) => accountOf(id, context) },
};

export const countsDefinition: SubgraphDefinition<Counts> = {
  name: 'counts',
  resolvers: [CountsResolver],
  entities: [CountedAccount],
  references: {
    Account: ({ id }, context) => (coversAccount(context.principal, id) ? { id } : null),
  },
};

export class RecordingLog {
  readonly lines: { readonly attributes: Record<string, unknown>; readonly message: string }[] = [];

  error(attributes: Record<string, unknown>, message: string): void {
    this.lines.push({ attributes, message });
  }
}

export interface TwoSubgraphs {
  readonly subgraphs: readonly [people: Subgraph, counts: Subgraph];
  readonly lookUps: readonly (readonly string[])[];
  readonly log: RecordingLog;
}

/** Errors go to the fixture's own log unless another is given. */
export function twoSubgraphs(given?: ErrorLog): TwoSubgraphs {
  const log = new RecordingLog();
  const lookUps: string[][] = [];
  const names = new Map([
    ['000000000001', 'one'],
    ['000000000002', 'two'],
    ['000000000003', 'three'],
  ]);
  const people = buildSubgraph(peopleDefinition, { services: { names }, log: given ?? log });
  const counts = buildSubgraph(countsDefinition, { services: { lookUps }, log: given ?? log });
  return { subgraphs: [people, counts], lookUps, log };
}

export const PRINCIPALS = {
  administrator: { keyId: 'admin', role: 'administrator', accounts: 'ALL' },
  auditor: { keyId: 'auditor', role: 'auditor', accounts: 'ALL' },
  narrow: { keyId: 'narrow', role: 'auditor', accounts: ['000000000001'] },
  ingest: { keyId: 'ingest', role: 'ingest', accounts: 'ALL' },
} as const satisfies Record<string, Principal>;

/** Keys are the names of PRINCIPALS. */
export async function authenticate(authorization: string | undefined): Promise<Principal | null> {
  const name = authorization?.replace('Bearer ', '') ?? '';
  return Object.entries(PRINCIPALS).find(([key]) => key === name)?.[1] ?? null;
}
