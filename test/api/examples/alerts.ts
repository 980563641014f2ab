import { IDS, type ApiExample } from '#test/api/example';

const FILTER = { eventSource: { equals: 'cairn' }, eventName: { in: ['StartExport', 'DeleteExport'] } };

const NO_WEBHOOK = 'its alert has no webhook: test/acceptance/webhooks.test.ts has one';

/** Run before the exports, which the alert is about. */
export const alertsExamples: readonly ApiExample[] = [
  {
    field: 'mutation putAlert',
    who: 'administrators',
    operation: `mutation ($input: PutAlertInput!) {
  putAlert(input: $input) {
    alert { id name accounts throttle webhook { url } }
    webhookSecret
  }
}`,
    variables: {
      input: {
        name: 'events are taken along',
        description: 'Ask who it was, and what for.',
        filter: FILTER,
        throttle: 0,
      },
    },
    answer: {
      putAlert: {
        alert: {
          id: IDS.alert,
          name: 'events are taken along',
          accounts: null,
          throttle: 0,
          webhook: null,
        },
        webhookSecret: null,
      },
    },
  },
  {
    field: 'query alert',
    who: 'readers',
    operation:
      'query ($id: ID!) { alert(id: $id) { name description filter raised dropped putBy updatedAt } }',
    variables: { id: IDS.alert },
    answer: {
      alert: {
        name: 'events are taken along',
        description: 'Ask who it was, and what for.',
        filter: JSON.stringify(FILTER),
        raised: 0,
        dropped: 0,
        putBy: 'qk2w6hx3vd7mtb4c',
        updatedAt: '2026-11-23T06:12:05.310Z',
      },
    },
  },
  {
    field: 'query alerts',
    who: 'readers',
    operation: `query ($after: String) {
  alerts(first: 20, after: $after) {
    edges { node { id name accounts raised } }
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: { after: null },
    answer: {
      alerts: {
        edges: [{ node: { id: IDS.alert, name: 'events are taken along', accounts: null, raised: 0 } }],
        pageInfo: { hasNextPage: false, endCursor: 'MTc5NTQxNDMyNTMxMC4wMTk4ZTVhMC…' },
      },
    },
  },
];

/** Run behind the exports. */
export const raisedExamples: readonly ApiExample[] = [
  {
    field: 'query alertMatches',
    who: 'readers',
    operation: `query ($alert: ID, $after: String) {
  alertMatches(alert: $alert, first: 20, after: $after) {
    edges { node { cursor alertName raisedAt suppressed event { eventName username sourceIPAddress } } }
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: { alert: IDS.alert, after: null },
    answer: {
      alertMatches: {
        edges: [
          {
            node: {
              cursor: IDS.newestMatch,
              alertName: 'events are taken along',
              raisedAt: '2026-11-23T06:14:20.118Z',
              suppressed: 0,
              event: { eventName: 'DeleteExport', username: 'nadia', sourceIPAddress: '203.0.113.9' },
            },
          },
          {
            node: {
              cursor: IDS.match,
              alertName: 'events are taken along',
              raisedAt: '2026-11-23T06:13:44.020Z',
              suppressed: 0,
              event: { eventName: 'StartExport', username: 'nadia', sourceIPAddress: '203.0.113.9' },
            },
          },
        ],
        pageInfo: { hasNextPage: false, endCursor: IDS.match },
      },
    },
  },
  {
    field: 'subscription alertRaised',
    who: 'readers',
    operation: `subscription ($alert: ID, $after: ID) {
  alertRaised(alert: $alert, after: $after) {
    cursor alertId alertName raisedAt
    event { eventTime eventName username account { id } }
  }
}`,
    variables: { alert: IDS.alert, after: IDS.match },
    answer: {
      alertRaised: {
        cursor: IDS.newestMatch,
        alertId: IDS.alert,
        alertName: 'events are taken along',
        raisedAt: '2026-11-23T06:14:20.118Z',
        event: {
          eventTime: '2026-11-23T06:14:19.902Z',
          eventName: 'DeleteExport',
          username: 'nadia',
          account: { id: '000000000000' },
        },
      },
    },
  },
  {
    field: 'query alertDeliveries',
    who: 'administrators',
    operation: `query ($alert: ID!, $after: String) {
  alertDeliveries(alert: $alert, state: DEAD, first: 50, after: $after) {
    edges { node { id eventId state attempts lastStatus lastError nextAttemptAt } }
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: { alert: IDS.alert, after: null },
    answer: {
      alertDeliveries: {
        edges: [
          {
            node: {
              id: IDS.delivery,
              eventId: IDS.event,
              state: 'DEAD',
              attempts: 1,
              lastStatus: 410,
              lastError: 'The webhook answered 410.',
              nextAttemptAt: null,
            },
          },
        ],
        pageInfo: { hasNextPage: false, endCursor: 'MTc5NTQxNDQ2MDExOC4wMTk4ZTVhNC…' },
      },
    },
    notRun: NO_WEBHOOK,
  },
  {
    field: 'mutation sendAlertsAgain',
    who: 'administrators',
    operation: 'mutation ($ids: [ID!]) { sendAlertsAgain(ids: $ids) }',
    variables: { ids: [IDS.delivery] },
    answer: { sendAlertsAgain: 1 },
    notRun: NO_WEBHOOK,
  },
  {
    field: 'mutation testAlert',
    who: 'administrators',
    operation: 'mutation ($alert: ID!) { testAlert(alert: $alert) { status error } }',
    variables: { alert: IDS.alert },
    answer: { testAlert: { status: 204, error: null } },
    notRun: NO_WEBHOOK,
  },
  {
    field: 'mutation deleteAlert',
    who: 'administrators',
    operation: 'mutation ($id: ID) { deleteAlert(id: $id) }',
    variables: { id: IDS.alert },
    answer: { deleteAlert: IDS.alert },
  },
];
