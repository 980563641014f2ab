import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sendBulk, type Sending } from '#projections/history/opensearch/bulk';
import { OpenSearch } from '#projections/history/opensearch/client';

interface Item {
  readonly status: number;
  readonly error?: { readonly type: string; readonly reason?: string };
}
/** What the stub answers to the documents of one request, by their ids; a number is the request's own status. */
type Answer = number | ((id: string, source: string) => Item);

const TAKEN: Item = { status: 201 };
const BUSY: Item = { status: 429, error: { type: 'rejected_execution_exception' } };

function sending(id: string, source = `{"id":"${id}"}`): Sending {
  const place = { epoch: 0, position: 1 };
  return {
    alias: 'a',
    document: { id, source, reduced: () => '{"small":1}', event: { place, account: '1', eventTime: 0 } },
  };
}

describe('A bulk request', () => {
  /** Answers in the order of requests; the last one goes on. */
  let answers: Answer[];
  /** The ids of each request, and its path. */
  let requests: string[][];
  let paths: string[];
  let server: Server;
  let openSearch: OpenSearch;

  beforeEach(async () => {
    [requests, paths] = [[], []];
    server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        paths.push(request.url ?? '');
        const lines = body.split('\n');
        const ids = lines.flatMap((line) => /"_id":"([^"]*)"/.exec(line)?.[1] ?? []);
        requests.push(ids);
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        response.setHeader('content-type', 'application/json');
        if (typeof answer === 'number')
          response.writeHead(answer).end('{"error":{"type":"busy"},"status":0}');
        const items = ids.map((id, index) => ({
          index: typeof answer === 'function' ? answer(id, lines[2 * index + 1] ?? '') : TAKEN,
        }));
        if (typeof answer !== 'number') response.end(JSON.stringify({ errors: true, items }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    openSearch = new OpenSearch({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  });
  afterEach(async () => {
    await openSearch.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const send = (sendings: readonly Sending[], maxChars?: number) =>
    sendBulk(openSearch, sendings, { firstPause: 1, ...(maxChars === undefined ? {} : { maxChars }) });

  it('is bounded in size; a document that is larger goes alone', async () => {
    answers = [() => TAKEN];
    const sizes = [10, 10, 200, 10, 10].map((length, index) => sending(String(index), 'x'.repeat(length)));
    expect(await send(sizes, 25)).toEqual([]);
    expect(requests).toEqual([['0', '1'], ['2'], ['3', '4'], []]);
    expect(paths.at(-1)).toBe('/a/_refresh');
  });

  it('makes what it brings visible by itself when it is the only one', async () => {
    answers = [() => TAKEN];
    await send([sending('0')]);
    expect(paths).toEqual([expect.stringContaining('refresh=true')]);
    expect(paths[0]).toContain('require_alias=true');
  });

  it('is repeated for the documents that OpenSearch was too busy for, and for these alone', async () => {
    answers = [(id) => (id === '1' ? BUSY : TAKEN), 429, () => BUSY, () => TAKEN];
    expect(await send([sending('0'), sending('1'), sending('2')])).toEqual([]);
    expect(requests).toEqual([['0', '1', '2'], ['1'], ['1'], ['1']]);
  });

  it('is given up after some repetitions, and says that OpenSearch is away', async () => {
    answers = [() => BUSY];
    await expect(send([sending('0')])).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfter: 5 });
    expect(requests.length).toBe(8);
  });

  it('tries a refused document again without its parameters, and tells the reasons without any value', async () => {
    const error = { type: 'mapper_parsing_exception', reason: "Preview of field's value: 'secret'" };
    answers = [
      (id, source) =>
        id === '0' || (id === '1' && source !== '{"small":1}') ? { status: 400, error } : TAKEN,
    ];
    const refused = await send([sending('0'), sending('1'), sending('2')]);
    expect(requests).toEqual([
      ['0', '1', '2'],
      ['0', '1'],
    ]);
    expect(refused.map(({ document, found, reason }) => [document.id, found, reason])).toEqual([
      ['0', false, 'mapper_parsing_exception'],
      ['1', true, 'mapper_parsing_exception'],
    ]);
  });

  it.each([
    ['the index is gone or another writes', 404],
    ['the index may not be written to', 403],
    ['something broke', 500],
  ])('fails as a whole when %s', async (_, status) => {
    answers = [(id) => (id === '1' ? { status, error: { type: 'x' } } : TAKEN)];
    await expect(send([sending('0'), sending('1')])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it.each([502, 503, 504])('fails when OpenSearch answers %i to all of it', async (status) => {
    answers = [status];
    await expect(send([sending('0')])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('says nothing of the documents when there is no answer', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const failure: unknown = await send([sending('0', '{"secret":1}')]).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'UNAVAILABLE' });
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain('secret');
    server = createServer().listen(0);
  });
});
