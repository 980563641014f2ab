import { ACCOUNT, IDS, type ApiExample } from '#test/api/example';

const EVENT = {
  eventVersion: '1.11',
  eventID: 'refund-8812-1',
  eventTime: '2026-11-23T02:00:00Z',
  eventSource: 'shop.example',
  eventName: 'RefundIssued',
  awsRegion: 'eu-central-1',
  sourceIPAddress: '203.0.113.9',
  recipientAccountId: ACCOUNT,
  userIdentity: { type: 'IAMUser', userName: 'nadia' },
  requestParameters: { order: 8812, amount: 9.5 },
};
const RAW = `${JSON.stringify(EVENT).slice(0, 60)}…`;

/** Recording, searching, counting and following; they are run behind those of the organization. */
export const eventsExamples: readonly ApiExample[] = [
  {
    field: 'mutation recordEvents',
    who: 'recorders',
    operation: `mutation ($input: RecordEventsInput!) {
  recordEvents(input: $input) {
    recorded duplicates conflicts refused
    results { entryId result id code message path }
  }
}`,
    variables: {
      input: { account: ACCOUNT, events: [{ entryId: 'one', eventData: JSON.stringify(EVENT) }] },
    },
    answer: {
      recordEvents: {
        recorded: 1,
        duplicates: 0,
        conflicts: 0,
        refused: 0,
        results: [
          { entryId: 'one', result: 'RECORDED', id: IDS.event, code: null, message: null, path: null },
        ],
      },
    },
  },
  {
    field: 'query events',
    who: 'readers',
    operation: `query ($filter: EventFilterInput, $after: String) {
  events(first: 50, after: $after, filter: $filter) {
    edges { cursor node { id eventTime eventName username sourceIPAddress errorCode } }
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: {
      filter: {
        eventName: { in: ['RefundIssued', 'RefundCancelled'] },
        eventTime: { from: '2026-11-01T00:00:00Z' },
        not: { sourceIPAddress: { cidr: '10.0.0.0/8' } },
      },
      after: null,
    },
    answer: {
      events: {
        edges: [
          {
            cursor: IDS.event,
            node: {
              id: IDS.event,
              eventTime: '2026-11-23T02:00:00Z',
              eventName: 'RefundIssued',
              username: 'nadia',
              sourceIPAddress: '203.0.113.9',
              errorCode: null,
            },
          },
        ],
        pageInfo: { hasNextPage: false, endCursor: IDS.event },
      },
    },
  },
  {
    field: 'query event',
    who: 'readers',
    operation: `query ($id: ID!) {
  event(id: $id) { receivedAt source account { name } requestParameters raw }
}`,
    variables: { id: IDS.event },
    answer: {
      event: {
        receivedAt: '2026-11-23T02:00:01.270Z',
        source: `key:${IDS.apiKey}`,
        account: { name: 'shop' },
        requestParameters: '{"order":8812,"amount":9.5}',
        raw: RAW,
      },
    },
  },
  {
    field: 'query eventCounts',
    who: 'readers',
    operation: `query ($filter: EventFilterInput) {
  eventCounts(filter: $filter, groupBy: username, top: 3, interval: DAY) {
    total
    groups { value count }
    buckets { start count }
  }
}`,
    variables: { filter: { eventSource: { equals: 'shop.example' } } },
    answer: {
      eventCounts: {
        total: 1,
        groups: [{ value: 'nadia', count: 1 }],
        buckets: [{ start: '2026-11-23T00:00:00Z', count: 1 }],
      },
    },
  },
  {
    field: 'query lookupEvents',
    who: 'readers',
    operation: `query ($attributes: [LookupAttributeInput!], $nextToken: String) {
  lookupEvents(lookupAttributes: $attributes, maxResults: 20, nextToken: $nextToken) {
    events { eventId eventName cloudTrailEvent }
    nextToken
  }
}`,
    variables: { attributes: [{ key: 'EventName', value: 'StopLogging' }], nextToken: null },
    answer: { lookupEvents: { events: [], nextToken: null } },
  },
  {
    field: 'query historyFreshness',
    who: 'readers',
    operation: '{ historyFreshness { eventsBehind secondsBehind } }',
    answer: { historyFreshness: { eventsBehind: 0, secondsBehind: 0 } },
  },
  {
    field: 'query sourceCounters',
    who: 'readers',
    operation: '{ sourceCounters { source received accepted duplicate conflict refused } }',
    answer: {
      sourceCounters: [
        { source: `key:${IDS.apiKey}`, received: 1, accepted: 1, duplicate: 0, conflict: 0, refused: 0 },
      ],
    },
  },
  {
    field: 'subscription eventRecorded',
    who: 'readers',
    operation: `subscription ($filter: EventFilterInput, $after: ID, $since: DateTime) {
  eventRecorded(filter: $filter, after: $after, since: $since) {
    cursor
    event { eventTime eventName username accountId raw }
  }
}`,
    variables: {
      filter: { eventSource: { equals: 'shop.example' } },
      after: null,
      since: '2026-11-01T00:00:00Z',
    },
    answer: {
      eventRecorded: {
        cursor: IDS.event,
        event: {
          eventTime: '2026-11-23T02:00:00Z',
          eventName: 'RefundIssued',
          username: 'nadia',
          accountId: ACCOUNT,
          raw: RAW,
        },
      },
    },
  },
  {
    field: 'mutation createStreamTicket',
    who: 'readers',
    operation: 'mutation { createStreamTicket { ticket expiresAt } }',
    answer: { createStreamTicket: { ticket: 'bXlIdh3n…', expiresAt: '2026-11-23T06:14:44.756Z' } },
  },
];
