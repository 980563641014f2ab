import { IDS, type ApiExample } from '#test/api/example';

/** Jobs, and what the log can be checked with; they are run behind the exports. */
export const operationsExamples: readonly ApiExample[] = [
  {
    field: 'query publicKeys',
    who: 'readers',
    operation: '{ publicKeys { vkey since sinceRecord } }',
    answer: {
      publicKeys: [
        {
          vkey: 'ff2d9599-e000-4f23-8077-d6913122b7d6+6d2f61b6+AdsxlY3j…',
          since: '2026-11-23T01:40:13.402Z',
          sinceRecord: 0,
        },
      ],
    },
  },
  {
    field: 'query checkpoint',
    who: 'readers',
    operation: 'query ($size: Long!) { checkpoint(size: $size) { origin size root note } }',
    variables: { size: 1 },
    answer: {
      checkpoint: {
        origin: 'ff2d9599-e000-4f23-8077-d6913122b7d6',
        size: 1,
        root: 'o9yMEbS0ke1zB6kL…',
        note: 'ff2d9599-e000-4f23-8077-d6913122b7d6\n1\no9yMEbS0ke1zB6kL…',
      },
    },
  },
  {
    field: 'mutation rebuildHistory',
    who: 'installation',
    operation: `mutation {
  rebuildHistory { job { id name state } userErrors { code message path } }
}`,
    answer: {
      rebuildHistory: { job: { id: IDS.rebuild, name: 'rebuildHistory', state: 'QUEUED' }, userErrors: [] },
    },
  },
  {
    field: 'query jobs',
    who: 'installation',
    operation: `query ($filter: JobFilterInput, $after: String) {
  jobs(first: 20, after: $after, filter: $filter) {
    edges { node { id name state attempts error schedule nextRunAt progress { done total } } }
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: { filter: { name: 'sealTail' }, after: null },
    answer: {
      jobs: {
        edges: [
          {
            node: {
              id: 'sealTail',
              name: 'sealTail',
              state: 'SUCCEEDED',
              attempts: 112,
              error: null,
              schedule: 'every 2 s',
              nextRunAt: '2026-11-23T06:13:46.000Z',
              progress: null,
            },
          },
        ],
        pageInfo: { hasNextPage: false, endCursor: 'MTc5NTQxNDQyNDAwMC5zZWFsVGFpbA' },
      },
    },
  },
  {
    field: 'query job',
    who: 'installation',
    operation: 'query ($id: ID!) { job(id: $id) { name state schedule nextRunAt startedAt finishedAt } }',
    variables: { id: 'applyRetention' },
    answer: {
      job: {
        name: 'applyRetention',
        state: 'SUCCEEDED',
        schedule: 'every 3600 s',
        nextRunAt: '2026-11-23T07:00:00.000Z',
        startedAt: '2026-11-23T06:00:00.012Z',
        finishedAt: '2026-11-23T06:00:00.031Z',
      },
    },
  },
  {
    field: 'mutation retryJob',
    who: 'installation',
    operation: `mutation ($id: ID!) {
  retryJob(id: $id) { job { id state attempts } userErrors { code message path } }
}`,
    variables: { id: IDS.rebuild },
    answer: { retryJob: { job: { id: IDS.rebuild, state: 'QUEUED', attempts: 10 }, userErrors: [] } },
    notRun: 'no run is DEAD',
  },
];
