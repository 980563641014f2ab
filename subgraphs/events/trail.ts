import type { OwnCallRule, OwnTrailRules } from '#domain/own-events';

const EXPORT: OwnCallRule = {
  request: ['id'],
  response: ['id', 'state'],
  accounts: ['caller'],
  resource: { type: 'Cairn::Export', at: 'request.id' },
};
const PAGE = ['first', 'last'];
const LOOKED_UP = ['account', 'lookupAttributes', 'startTime', 'endTime', 'eventCategory', 'maxResults'];

const ALERT = 'Cairn::Alert';

/**
 * What is recorded of the calls of this subgraph. Never: links to files, and what they hold; the address of a
 * webhook, which often is a secret itself.
 */
export const eventsTrail: OwnTrailRules = {
  mutations: {
    startExport: {
      request: ['input.filter', 'input.orderBy', 'input.format', 'input.columns', 'input.compression'],
      response: ['id', 'state'],
      accounts: ['caller'],
      resource: { type: 'Cairn::Export', at: 'response.id' },
    },
    cancelExport: EXPORT,
    deleteExport: { ...EXPORT, response: ['value'] },
    putAlert: {
      request: ['input.name', 'input.description', 'input.filter', 'input.throttle'],
      response: ['alert.id', 'alert.accounts'],
      accounts: ['caller'],
      resource: { type: ALERT, at: 'response.alert.id' },
    },
    deleteAlert: {
      request: ['id', 'name'],
      response: ['value'],
      accounts: ['caller'],
      resource: { type: ALERT, at: 'response.value' },
    },
    sendAlertsAgain: {
      request: ['alert', 'ids'],
      response: ['value'],
      accounts: ['caller'],
      resource: { type: ALERT, at: 'request.alert' },
    },
    testAlert: {
      request: ['alert'],
      response: ['status', 'error'],
      accounts: ['caller'],
      resource: { type: ALERT, at: 'request.alert' },
    },
    // Events are what the journal is for: their source and its counters tell who sent them.
    recordEvents: 'unrecorded',
  },
  reads: {
    alert: ['id'],
    alertDeliveries: ['alert', 'state', ...PAGE],
    alertMatches: ['alert', 'since', ...PAGE],
    alertRaised: ['alert'],
    alerts: PAGE,
    event: ['id'],
    events: ['filter', 'orderBy', ...PAGE],
    eventCounts: ['filter', 'groupBy', 'interval', 'top'],
    eventRecorded: ['filter'],
    export: ['id'],
    exports: PAGE,
    historyFreshness: [],
    lookupEvents: LOOKED_UP,
    sourceCounters: [],
  },
};
