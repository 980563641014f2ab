import { OwnTrail } from '#journal/own-trail/own-trail';
import { OwnEventStore } from '#journal/own-trail/store';
import { createPool } from '#platform/db';

/** Begins a call in the database of its argument, does what it is about, and is killed before it can say so. */
const pool = createPool(process.argv[2] ?? '');
const trail = new OwnTrail({
  store: new OwnEventStore(pool),
  now: Date.now,
  nameOf: async () => 'Ada',
  ring: () => undefined,
  log: { error: () => undefined },
});
await trail.begin({
  field: 'updateAccount',
  caller: {
    principal: { keyId: 'k1', role: 'administrator', accounts: 'ALL' },
    requestId: 'r-1',
    clientAddress: '192.0.2.7',
  },
  args: { input: { id: '111111111111', name: 'done' } },
  rule: { request: ['input.id', 'input.name'], response: [], accounts: ['request.input.id'] },
});
await pool.query(`UPDATE account SET name = 'done' WHERE id = '111111111111'`);
process.kill(process.pid, 'SIGKILL');
