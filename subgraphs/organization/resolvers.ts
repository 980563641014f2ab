import { Arg, Args, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import { AccountId, DateTime } from '#subgraphs/shared/scalars';
import { PageArgs, pageOf, toConnection } from '#subgraphs/shared/connection';
import type { Page } from '#subgraphs/shared/connection';
import { requireAdministrator, type SubgraphContext } from '#subgraphs/shared/context';
import {
  accountCursor,
  jobCursor,
  keyCursor,
  presentKey,
  presentRun,
  roleOf,
  settle,
} from '#subgraphs/organization/present';
import { refusal } from '#subgraphs/organization/refusal';
import type { Outcome } from '#subgraphs/organization/refusal';
import {
  AccountConnection,
  AccountPayload,
  AccountType,
  ApiKeyConnection,
  ApiKeyType,
  CreateAccountInput,
  CreateApiKeyInput,
  CreateApiKeyPayload,
  JobFilterInput,
  JobPayload,
  JobRunConnection,
  JobRunType,
  RevokeApiKeyPayload,
  StreamTicketType,
  UpdateAccountInput,
} from '#subgraphs/organization/schema';
import type { OrganizationService } from '#subgraphs/organization/service';
import type { JobCursor, JobRun } from '#domain/jobs';
import type { Account, KeyCursor, Slice } from '#subgraphs/organization/store';

type Context = SubgraphContext<OrganizationService>;

const PAGE = { default: 50, max: 200 };

@Resolver()
export class AccountResolver {
  @Query(() => AccountType, {
    nullable: true,
    description: 'One account. Null when there is none of this id among those of the key.',
  })
  async account(
    @Arg('id', () => AccountId, { description: 'Its id.' }) id: string,
    @Ctx() { principal, services }: Context,
  ): Promise<AccountType | null> {
    return (await services.accounts.find(principal, id)) ?? null;
  }

  @Query(() => AccountConnection, {
    description: 'The accounts of the key; 50 a page unless told, at most 200.',
  })
  accounts(
    @Args(() => PageArgs) args: PageArgs,
    @Ctx() { principal, services }: Context,
  ): Promise<AccountConnection> {
    return connect<AccountType, string>(args, accountCursor, (slice) =>
      services.accounts.list(principal, slice),
    );
  }

  @Mutation(() => AccountPayload, {
    description: 'Makes an account. Needs an administrator key for all accounts.',
  })
  async createAccount(
    @Arg('input', () => CreateAccountInput, { description: 'The account.' }) input: CreateAccountInput,
    @Ctx() { principal, services }: Context,
  ): Promise<AccountPayload> {
    const { id, name, retentionMonths, historyDays } = input;
    const account = { id, name: name ?? undefined, retentionMonths, historyDays };
    return accountPayload(await services.accounts.create(principal, account));
  }

  @Mutation(() => AccountPayload, {
    description: 'Changes an account. Needs an administrator key for all accounts.',
  })
  async updateAccount(
    @Arg('input', () => UpdateAccountInput, { description: 'The change.' }) input: UpdateAccountInput,
    @Ctx() { principal, services }: Context,
  ): Promise<AccountPayload> {
    const { id, name, retentionMonths, historyDays } = input;
    const change = { name: name ?? undefined, retentionMonths, historyDays };
    return accountPayload(await services.accounts.update(principal, id, change));
  }
}

@Resolver()
export class ApiKeyResolver {
  @Query(() => ApiKeyType, {
    nullable: true,
    description:
      'One API key. Null when there is none of this id whose accounts all are the caller’s. Needs an administrator key.',
  })
  async apiKey(
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Ctx() { principal, services }: Context,
  ): Promise<ApiKeyType | null> {
    const key = await services.keys.find(principal, id);
    return key ? presentKey(key, new Date()) : null;
  }

  @Query(() => ApiKeyConnection, {
    description:
      'The API keys whose accounts all are the caller’s, revoked and expired ones too; 50 a page unless told, at most 200. Needs an administrator key.',
  })
  apiKeys(
    @Args(() => PageArgs) args: PageArgs,
    @Ctx() { principal, services }: Context,
  ): Promise<ApiKeyConnection> {
    return connect<ApiKeyType, KeyCursor>(args, keyCursor, async (slice) => {
      const keys = await services.keys.list(principal, slice);
      return keys.map((key) => presentKey(key, new Date()));
    });
  }

  @Mutation(() => CreateApiKeyPayload, {
    description: 'Makes an API key. Needs an administrator key that has all of the new key’s accounts.',
  })
  async createApiKey(
    @Arg('input', () => CreateApiKeyInput, { description: 'The key.' }) input: CreateApiKeyInput,
    @Ctx() { principal, services }: Context,
  ): Promise<CreateApiKeyPayload> {
    requireAdministrator({ principal });
    const { name, role, accounts, allAccounts, expiresAt } = input;
    if ((allAccounts ?? false) === (accounts !== null && accounts !== undefined)) {
      const fault = refusal(
        'INVALID_ARGUMENT',
        'input.accounts',
        'Say either accounts or allAccounts: true.',
      );
      return { apiKey: null, secret: null, userErrors: [fault] };
    }
    const wanted = { name, role: roleOf(role), accounts: accounts ?? null, expiresAt: expiresAt ?? null };
    const { value, userErrors } = settle(await services.keys.create(principal, wanted));
    return { apiKey: value && presentKey(value.key, new Date()), secret: value?.text ?? null, userErrors };
  }

  @Mutation(() => RevokeApiKeyPayload, {
    description:
      'Revokes an API key: it is refused within seconds, everywhere. Needs an administrator key that has all of its accounts.',
  })
  async revokeApiKey(
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Ctx() { principal, services }: Context,
  ): Promise<RevokeApiKeyPayload> {
    const { value, userErrors } = settle(await services.keys.revoke(principal, id));
    return { apiKey: value && presentKey(value, new Date()), userErrors };
  }
}

@Resolver()
export class StreamTicketResolver {
  @Mutation(() => StreamTicketType, {
    description:
      'A ticket that opens one stream (`eventRecorded`) within a minute, for clients that cannot send a header. Any ' +
      'key that may read can have one; the stream ends when the key is revoked or expires.',
  })
  createStreamTicket(@Ctx() { principal, services }: Context): Promise<StreamTicketType> {
    return services.tickets.create(principal);
  }
}

@Resolver()
export class WorkResolver {
  @Query(() => JobRunType, {
    nullable: true,
    description: 'One run of a job. Null when there is none of this id that concerns the key’s accounts.',
  })
  async jobRun(
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Ctx() { principal, services }: Context,
  ): Promise<JobRunType | null> {
    const run = await services.work.jobRun(principal, id);
    return run ? presentRun(run) : null;
  }

  @Query(() => JobRunConnection, {
    description:
      'Runs of jobs of the whole installation, the newest first; 50 a page unless told, at most 200. Needs an administrator key for all accounts.',
  })
  async jobs(
    @Arg('filter', () => JobFilterInput, { nullable: true, description: 'Which runs; all when left out.' })
    filter: JobFilterInput | null | undefined,
    @Args(() => PageArgs) args: PageArgs,
    @Ctx() { principal, services }: Context,
  ): Promise<JobRunConnection> {
    const wanted = { states: filter?.state ?? undefined, name: filter?.name ?? undefined };
    const { edges, pageInfo } = await connect<JobRun, JobCursor>(args, jobCursor, (slice) =>
      services.work.jobs(principal, wanted, slice),
    );
    return { edges: edges.map(({ node, cursor }) => ({ node: presentRun(node), cursor })), pageInfo };
  }

  @Query(() => JobRunType, {
    nullable: true,
    description: 'One run of a job, whatever it concerns. Needs an administrator key for all accounts.',
  })
  async job(
    @Arg('id', () => ID, { description: 'Its id; scheduled jobs have one run, named as the job.' })
    id: string,
    @Ctx() { principal, services }: Context,
  ): Promise<JobRunType | null> {
    const run = await services.work.job(principal, id);
    return run ? presentRun(run) : null;
  }

  @Mutation(() => JobPayload, {
    description:
      'Gives a run that is DEAD another series of attempts. Needs an administrator key for all accounts.',
  })
  async retryJob(
    @Arg('id', () => ID, { description: 'The run.' }) id: string,
    @Ctx() { principal, services }: Context,
  ): Promise<JobPayload> {
    return jobPayload(await services.work.retryJob(principal, id));
  }

  @Mutation(() => JobPayload, {
    description:
      'Destroys events of an account for good, in the journal and in everything made from it. Needs an administrator key for all accounts.',
  })
  async eraseAccount(
    @Arg('account', () => AccountId, { description: 'The account; 000000000000 cannot be erased.' })
    account: string,
    @Arg('before', () => DateTime, {
      nullable: true,
      description:
        'Only events whose eventTime lies before it: the first instant of a month, UTC. Left out = all events.',
    })
    before: Date | null | undefined,
    @Ctx() { principal, services }: Context,
  ): Promise<JobPayload> {
    return jobPayload(await services.work.eraseAccount(principal, account, before ?? null));
  }

  @Mutation(() => JobPayload, {
    description:
      'Builds event history again from the journal while the old one answers. Needs an administrator key for all accounts.',
  })
  async rebuildHistory(@Ctx() { principal, services }: Context): Promise<JobPayload> {
    return jobPayload(await services.work.rebuildHistory(principal));
  }
}

function accountPayload(outcome: Outcome<Account>): AccountPayload {
  const { value, userErrors } = settle(outcome);
  return { account: value, userErrors };
}

function jobPayload(outcome: Outcome<JobRun>): JobPayload {
  const { value, userErrors } = settle(outcome);
  return { job: value && presentRun(value), userErrors };
}

interface CursorFormat<Node, Cursor> {
  readonly print: (node: Node) => string;
  readonly parse: (cursor: string) => Cursor;
}

/** Reads a page and one more, and puts it in the order of the list. */
async function connect<Node, Cursor>(
  args: PageArgs,
  format: CursorFormat<Node, Cursor>,
  read: (slice: Slice<Cursor>) => Promise<readonly Node[]>,
) {
  const page: Page = pageOf(args, PAGE);
  const { direction, size } = page;
  const cursor = page.cursor === undefined ? undefined : format.parse(page.cursor);
  const found = await read({ direction, cursor, limit: size + 1 });
  const nodes = found.slice(0, size);
  if (direction === 'backward') nodes.reverse();
  return toConnection({ page, nodes, more: found.length > size, cursorOf: (node) => format.print(node) });
}
