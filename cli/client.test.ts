import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { CairnClient } from '#cli/client';

it('says why the platform cannot be reached', async () => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new CairnClient({ url: `http://127.0.0.1:${port}`, apiKey: 'cairn_a_b' });
  await expect(client.request('/graphql', {})).rejects.toThrow(/\((UND_ERR_SOCKET|ECONNRESET)\)/);
  server.close();
  await once(server, 'close');
  await expect(client.request('/graphql', {})).rejects.toThrow('(ECONNREFUSED): is Cairn running?');
});
