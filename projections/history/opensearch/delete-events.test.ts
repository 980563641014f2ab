import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OpenSearch } from '#projections/history/opensearch/client';
import { deleteEvents } from '#projections/history/opensearch/delete-events';
import { TakenOver } from '#projections/projection';

interface Deleted {
  readonly deleted: number;
  readonly version_conflicts: number;
}

describe('Deleting by a query', () => {
  /** In the order of deletions; the last one goes on. */
  let answers: (Deleted | number)[];
  let paths: string[];
  let server: Server;
  let openSearch: OpenSearch;

  beforeEach(async () => {
    paths = [];
    server = createServer((request, response) => {
      request.resume();
      const path = new URL(request.url ?? '/', 'http://stub').pathname;
      paths.push(path);
      const isDeletion = path.endsWith('_delete_by_query');
      const answer = isDeletion ? (answers.length > 1 ? answers.shift() : answers[0]) : {};
      response.setHeader('content-type', 'application/json');
      if (typeof answer === 'number') response.writeHead(answer).end('{"error":{"type":"x"}}');
      else response.end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    openSearch = new OpenSearch({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  });
  afterEach(async () => {
    await openSearch.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const remove = async (): Promise<void> => deleteEvents(openSearch, ['a', 'b'], { match_all: {} });
  const round = ['/a,b/_refresh', '/a,b/_delete_by_query'];

  it('goes on after what changed meanwhile, which it finds again, and after a full round', async () => {
    answers = [
      { deleted: 3, version_conflicts: 2 },
      { deleted: 50_000, version_conflicts: 0 },
      { deleted: 2, version_conflicts: 0 },
    ];
    await remove();
    expect(paths).toEqual([...round, ...round, ...round]);
  });

  it('is given up when documents change again and again', async () => {
    answers = [{ deleted: 0, version_conflicts: 1 }];
    await expect(remove()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfter: 5 });
    expect(paths.length).toBe(20);
  });

  it('says that another has taken over when an alias is gone', async () => {
    answers = [404];
    await expect(remove()).rejects.toBeInstanceOf(TakenOver);
  });
});
