import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { CairnClient } from '#cli/client';
import { register } from '#cli/events';

const EVENTS = Array.from({ length: 23 }, (_, index) => `{"event":${index}}`);
/** Events that one answer of this platform holds. */
const FITTING = 5;

interface Asked {
  readonly variables: { readonly first: number; readonly after: string | null };
}

function answer({ variables: { first, after } }: Asked): object {
  if (first > FITTING) {
    return {
      data: { events: { edges: [], pageInfo: {} } },
      errors: [{ message: 'too large', extensions: { code: 'LIMIT_EXCEEDED', argument: 'first' } }],
    };
  }
  const from = after === null ? 0 : Number(after);
  const edges = EVENTS.slice(from, from + first).map((raw) => ({ cursor: '', node: { raw } }));
  const end = from + edges.length;
  return { data: { events: { edges, pageInfo: { hasNextPage: end < 23, endCursor: String(end) } } } };
}

test('prints events that are too large for a page in smaller ones', async () => {
  const server = createServer((request, response) => {
    void json(request).then((asked) => response.end(JSON.stringify(answer(asked as Asked))));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const printed: string[] = [];
  const program = new Command();
  register(program, {
    connect: () => new CairnClient({ url: `http://127.0.0.1:${port}`, apiKey: 'k' }),
    print: async (text) => void printed.push(text),
    stderr: { write: () => true },
    exitWith: () => undefined,
    color: false,
  });
  await program.parseAsync(['events', '--all', '-o', 'raw'], { from: 'user' });
  expect(printed.join('')).toBe(EVENTS.map((text) => `${text}\n`).join(''));
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});
