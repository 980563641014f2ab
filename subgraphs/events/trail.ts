import type { OwnCallRule, OwnTrailRules } from '#domain/own-events';

const EXPORT: OwnCallRule = {
  request: ['id'],
  response: ['id', 'state'],
  accounts: ['caller'],
  resource: { type: 'Cairn::Export', at: 'request.id' },
};
const PAGE = ['first', 'last'];
const LOOKED_UP = ['account', 'lookupAttributes', 'startTime', 'endTime', 'eventCategory', 'maxResults'];

/** What is recorded of the calls of this subgraph. Never: links to files, and what they hold. */
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
    // Events are what the journal is for: their source and its counters tell who sent them.
    recordEvents: 'unrecorded',
  },
  reads: {
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
