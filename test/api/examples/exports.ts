import { IDS, type ApiExample } from '#test/api/example';

/** Files to take along; they are run behind the events. */
export const exportsExamples: readonly ApiExample[] = [
  {
    field: 'mutation startExport',
    who: 'readers',
    operation: `mutation ($input: StartExportInput!) {
  startExport(input: $input) { id state fileName }
}`,
    variables: {
      input: {
        filter: { eventSource: { equals: 'shop.example' } },
        format: 'CSV',
        columns: ['eventTime', 'username', 'sourceIPAddress'],
        compression: 'GZIP',
      },
    },
    answer: {
      startExport: {
        id: IDS.export,
        state: 'QUEUED',
        fileName: `cairn-export-${IDS.export}.csv.gz`,
      },
    },
  },
  {
    field: 'query export',
    who: 'readers',
    operation: `query ($id: ID!) {
  export(id: $id) {
    state
    error
    progress { rows bytes total share }
    sha256
    statement
    expiresAt
    link { path expiresAt }
  }
}`,
    variables: { id: IDS.export },
    answer: {
      export: {
        state: 'SUCCEEDED',
        error: null,
        progress: { rows: 1, bytes: 104, total: 1, share: 1 },
        sha256: '6ca24446…',
        statement: '{"type":"cairn export","log":"cf5bc87f-…',
        expiresAt: '2026-11-30T06:13:44.756Z',
        link: {
          path: `/v1/exports/${IDS.export}/file?token=…`,
          expiresAt: '2026-11-23T06:28:51.012Z',
        },
      },
    },
  },
  {
    field: 'query exports',
    who: 'readers',
    operation: `query ($after: String) {
  exports(first: 20, after: $after) {
    edges { node { id state format createdAt createdBy progress { share } } }
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: { after: null },
    answer: {
      exports: {
        edges: [
          {
            node: {
              id: IDS.export,
              state: 'SUCCEEDED',
              format: 'CSV',
              createdAt: '2026-11-23T06:13:43.911Z',
              createdBy: 'qk2w6hx3vd7mtb4c',
              progress: { share: 1 },
            },
          },
        ],
        pageInfo: { hasNextPage: false, endCursor: 'MTc5NTQxNDQyMzkxMS4wMTk4ZTVhMi…' },
      },
    },
  },
  {
    field: 'mutation cancelExport',
    who: 'readers',
    operation: 'mutation ($id: ID!) { cancelExport(id: $id) { id state } }',
    variables: { id: IDS.export },
    answer: { cancelExport: { id: IDS.export, state: 'CANCELED' } },
    notRun: 'by then the export is done, and stays so',
  },
  {
    field: 'mutation deleteExport',
    who: 'readers',
    operation: 'mutation ($id: ID!) { deleteExport(id: $id) }',
    variables: { id: IDS.export },
    answer: { deleteExport: IDS.export },
  },
];
