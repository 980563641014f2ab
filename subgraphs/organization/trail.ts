import type { OwnCallRule, OwnTrailRules } from '#domain/own-events';

const ACCOUNT_SETTINGS = ['input.id', 'input.name', 'input.retentionMonths', 'input.historyDays'];
const ACCOUNT: OwnCallRule = {
  request: ACCOUNT_SETTINGS,
  response: ['account.id', 'account.name', 'account.retentionMonths', 'account.historyDays'],
  accounts: ['request.input.id'],
  resource: { type: 'Cairn::Account', at: 'request.input.id' },
};
const KEY_SHOWN = ['apiKey.id', 'apiKey.name', 'apiKey.role', 'apiKey.accounts', 'apiKey.expiresAt'];
const PAGE = ['first', 'last'];

/** What is recorded of the calls of this subgraph. Never: the text of a key, a ticket. */
export const organizationTrail: OwnTrailRules = {
  mutations: {
    createAccount: ACCOUNT,
    updateAccount: ACCOUNT,
    createApiKey: {
      request: ['input.name', 'input.role', 'input.accounts', 'input.allAccounts', 'input.expiresAt'],
      response: KEY_SHOWN,
      accounts: ['request.input.accounts'],
      resource: { type: 'Cairn::ApiKey', at: 'response.apiKey.id' },
    },
    revokeApiKey: {
      request: ['id'],
      response: [...KEY_SHOWN, 'apiKey.revokedAt'],
      accounts: ['response.apiKey.accounts'],
      resource: { type: 'Cairn::ApiKey', at: 'response.apiKey.id' },
    },
    createStreamTicket: { request: [], response: ['expiresAt'], accounts: ['caller'] },
    retryJob: {
      request: ['id'],
      response: ['job.id', 'job.name', 'job.state'],
      accounts: [],
      resource: { type: 'Cairn::Job', at: 'request.id' },
    },
    // Not for the account: its erasure would take along who asked for it. That it is done is told there.
    eraseAccount: {
      request: ['account', 'before'],
      response: ['job.id', 'job.state'],
      accounts: [],
      resource: { type: 'Cairn::Account', at: 'request.account' },
    },
    rebuildHistory: { request: [], response: ['job.id', 'job.state'], accounts: [] },
  },
  reads: {
    account: ['id'],
    accounts: PAGE,
    apiKey: ['id'],
    apiKeys: PAGE,
    jobRun: ['id'],
    jobs: ['filter', ...PAGE],
    job: ['id'],
  },
};
