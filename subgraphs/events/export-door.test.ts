import { createServer, get, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { ExportRow } from '#projections/export/export-row';
import { makeLinkToken } from '#projections/export/link';
import { createExportDoor } from '#subgraphs/events/export-door';

const PART_BYTES = 2 ** 20;
const PARTS = 64;
const ID = '0198e5a2-6f0c-4d5e-9a51-7d1f2c3b4a59';
const SECRET = Buffer.from('a secret of the test');
const NOW = Date.UTC(2026, 10, 23);
/** Of one client's socket: what loopback takes before it pushes back. */
const IN_SOCKETS = 16;

const row: ExportRow = {
  id: ID,
  generation: 0,
  createdBy: 'key',
  scope: 'ALL',
  accounts: 'ALL',
  fromTime: undefined,
  filter: '{}',
  order: 'TIME_ASC',
  format: 'NDJSON',
  columns: [],
  compression: 'NONE',
  state: 'SUCCEEDED',
  error: undefined,
  snapshot: { epoch: 0, position: 1 },
  total: 1,
  rows: 1,
  bytes: PARTS * PART_BYTES,
  parts: PARTS,
  complete: true,
  cursor: undefined,
  firstTime: undefined,
  lastTime: undefined,
  sha256: 'aa',
  statement: undefined,
  createdAt: new Date(NOW),
  startedAt: undefined,
  finishedAt: undefined,
  expiresAt: undefined,
};

it('reads no faster than its client takes: memory does not grow with the file', async () => {
  let read = 0;
  const door = createExportDoor({
    store: {
      find: () => Promise.resolve(row),
      parts: () =>
        Promise.resolve(
          Array.from({ length: PARTS }, (_, part) => ({
            object: String(part),
            start: part * PART_BYTES,
            bytes: PART_BYTES,
          })),
        ),
    },
    files: {
      key: () => Promise.resolve(Buffer.alloc(32)),
      get: () => {
        read += 1;
        return Promise.resolve(Buffer.alloc(PART_BYTES));
      },
    },
    linkSecret: SECRET,
    liveKey: (keyId) => Promise.resolve({ keyId, role: 'auditor', accounts: 'ALL' }),
    now: () => NOW,
  });
  const server = createServer((request, response) => void door(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const token = makeLinkToken(SECRET, row, { keyId: 'key', expiresAt: NOW + 1 });
  const asked = get(`http://127.0.0.1:${port}/v1/exports/${ID}/file?token=${token}`);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.pause();
  let before = -1;
  // Until nothing more is read for a while.
  while (before !== read) {
    before = read;
    await delay(200);
  }
  expect(read).toBeLessThan(IN_SOCKETS);
  let bytes = 0;
  for await (const chunk of response) bytes += (chunk as Buffer).length;
  expect([bytes, read]).toEqual([PARTS * PART_BYTES, PARTS]);
  server.close();
});
