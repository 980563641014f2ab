import { ACCOUNT, IDS, type ApiExample } from '#test/api/example';

/** Accounts and keys; they are run first, in this order. */
export const organizationExamples: readonly ApiExample[] = [
  {
    field: 'mutation createAccount',
    who: 'installation',
    operation: `mutation ($input: CreateAccountInput!) {
  createAccount(input: $input) {
    account { id name }
    userErrors { code message path }
  }
}`,
    variables: { input: { id: ACCOUNT, name: 'shop', retentionMonths: 120 } },
    answer: { createAccount: { account: { id: ACCOUNT, name: 'shop' }, userErrors: [] } },
  },
  {
    field: 'mutation updateAccount',
    who: 'installation',
    operation: `mutation ($input: UpdateAccountInput!) {
  updateAccount(input: $input) {
    account { id name retentionMonths historyDays }
    userErrors { code message path }
  }
}`,
    variables: { input: { id: ACCOUNT, historyDays: 400 } },
    answer: {
      updateAccount: {
        account: { id: ACCOUNT, name: 'shop', retentionMonths: 120, historyDays: 400 },
        userErrors: [],
      },
    },
  },
  {
    field: 'mutation createApiKey',
    who: 'administrators',
    operation: `mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    apiKey { id status }
    secret
    userErrors { code message path }
  }
}`,
    variables: { input: { name: 'shop', role: 'INGEST', accounts: [ACCOUNT] } },
    answer: {
      createApiKey: {
        apiKey: { id: IDS.apiKey, status: 'ACTIVE' },
        secret: `cairn_${IDS.apiKey}_k3km…`,
        userErrors: [],
      },
    },
  },
  {
    field: 'query account',
    who: 'readers',
    operation: `query ($id: AccountId!) {
  account(id: $id) {
    name
    retentionMonths
    storage { parts { name events bytes } }
    eventRate(interval: DAY) { total }
  }
}`,
    variables: { id: ACCOUNT },
    answer: {
      account: {
        name: 'shop',
        retentionMonths: 120,
        storage: { parts: [{ name: 'journal', events: 0, bytes: 0 }] },
        eventRate: { total: 0 },
      },
    },
  },
  {
    field: 'query accounts',
    who: 'readers',
    operation: `query ($after: String) {
  accounts(first: 50, after: $after) {
    edges { node { id name createdAt } }
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: { after: null },
    answer: {
      accounts: {
        edges: [{ node: { id: '000000000000', name: 'default', createdAt: '2026-11-23T01:40:12.064Z' } }],
        pageInfo: { hasNextPage: false, endCursor: 'MTIzNDU2Nzg5MDEy' },
      },
    },
  },
  {
    field: 'query apiKey',
    who: 'administrators',
    operation: `query ($id: ID!) {
  apiKey(id: $id) { name role accounts status lastUsedAt expiresAt }
}`,
    variables: { id: IDS.apiKey },
    answer: {
      apiKey: {
        name: 'shop',
        role: 'INGEST',
        accounts: [ACCOUNT],
        status: 'ACTIVE',
        lastUsedAt: null,
        expiresAt: null,
      },
    },
  },
  {
    field: 'query apiKeys',
    who: 'administrators',
    operation: `{
  apiKeys(last: 10) { edges { node { id name role status } } }
}`,
    answer: {
      apiKeys: {
        edges: [
          {
            node: { id: 'lxuqetiwo7hprewa', name: 'administrator', role: 'ADMINISTRATOR', status: 'ACTIVE' },
          },
        ],
      },
    },
  },
];

/** They take away what the others need: they are run last. */
export const endingExamples: readonly ApiExample[] = [
  {
    field: 'mutation revokeApiKey',
    who: 'administrators',
    operation: `mutation ($id: ID!) {
  revokeApiKey(id: $id) {
    apiKey { status revokedAt }
    userErrors { code message path }
  }
}`,
    variables: { id: IDS.apiKey },
    answer: {
      revokeApiKey: { apiKey: { status: 'REVOKED', revokedAt: '2026-11-23T06:15:00.184Z' }, userErrors: [] },
    },
  },
  {
    field: 'mutation eraseAccount',
    who: 'installation',
    operation: `mutation ($account: AccountId!, $before: DateTime) {
  eraseAccount(account: $account, before: $before) {
    job { id state }
    userErrors { code message path }
  }
}`,
    variables: { account: ACCOUNT, before: null },
    answer: { eraseAccount: { job: { id: IDS.erasure, state: 'QUEUED' }, userErrors: [] } },
  },
  {
    field: 'query jobRun',
    who: 'readers',
    operation: 'query ($id: ID!) { jobRun(id: $id) { name state account attempts error } }',
    variables: { id: IDS.erasure },
    answer: {
      jobRun: { name: 'eraseAccount', state: 'SUCCEEDED', account: ACCOUNT, attempts: 1, error: null },
    },
  },
];
