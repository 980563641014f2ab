import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Instance } from '#platform/http/instance';
import { NotTaken, Upstream, UpstreamUnavailable } from '#platform/http/upstream';

const QUIET = { info: () => undefined, warn: () => undefined };
const opened: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

interface Served {
  readonly origin: string;
  readonly asked: string[];
  stop(): Promise<void>;
}

/** Answers with its name unless told otherwise; on /healthz it is well until it is `leaving`. */
async function served(name: string, handle?: Handle, port = 0): Promise<Served> {
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    if (request.url !== '/healthz') asked.push(request.url ?? '');
    if (name === 'leaving') response.setHeader('x-cairn-stopping', 'true');
    if (request.url === '/healthz' || handle === undefined) response.end(name);
    else handle(request, response);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  opened.push(stop);
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, stop };
}

function upstream(...origins: string[]): Upstream {
  const one = new Upstream({ name: 'test', origins, log: QUIET });
  opened.push(() => one.close());
  return one;
}

async function get(instance: Instance): Promise<string> {
  const { statusCode, body } = await instance.request({ method: 'GET', path: '/x' });
  const text = await body.text();
  if (statusCode === 503) throw new NotTaken(statusCode);
  return text;
}

const yes = (): boolean => true;
const no = (): boolean => false;

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('requests go round', async () => {
  const [a, b] = [await served('a'), await served('b')];
  const both = upstream(a.origin, b.origin);
  const answers = [];
  for (let i = 0; i < 6; i++) answers.push(await both.use(get, no));
  expect(answers.filter((answer) => answer === 'a')).toHaveLength(3);
  expect(answers.filter((answer) => answer === 'b')).toHaveLength(3);
});

test('one that refuses connections is left out at once, and taken back when it lives again', async () => {
  const [a, b] = [await served('a'), await served('b')];
  await a.stop();
  const both = upstream(a.origin, b.origin);
  // Not even what must not be repeated is lost: nothing was sent.
  for (let i = 0; i < 4; i++) expect(await both.use(get, no)).toBe('b');
  await until(() => both.available === 1);
  const again = await served('a again', undefined, Number(new URL(a.origin).port));
  await until(() => both.available === 2);
  const answers = [await both.use(get, no), await both.use(get, no)];
  expect(answers.toSorted()).toEqual(['a again', 'b']);
  expect(again.asked).toHaveLength(1);
});

test('what may have been done is repeated only when that does no harm', async () => {
  const broken = await served('broken', (request) => request.socket.destroy());
  const [a, b] = [upstream(broken.origin), upstream(broken.origin)];
  await expect(a.use(get, no)).rejects.toThrow(UpstreamUnavailable);
  expect(broken.asked).toHaveLength(1);
  const well = await served('well');
  const first = upstream(broken.origin, well.origin);
  expect(await first.use(get, yes)).toBe('well');
  const second = upstream(broken.origin, well.origin);
  await expect(second.use(get, no)).rejects.toThrow(UpstreamUnavailable);
  expect(well.asked).toHaveLength(1);
  await expect(b.use(get, yes)).rejects.toThrow('No process of test answers');
});

test('one that does not take a request is passed over', async () => {
  const full = await served('full', (_, response) => {
    response.statusCode = 503;
    response.end();
  });
  const well = await served('well');
  expect(await upstream(full.origin, well.origin).use(get, no)).toBe('well');
  await expect(upstream(full.origin).use(get, no)).rejects.toThrow(UpstreamUnavailable);
});

test('one that says that it stops is asked no more while there is another', async () => {
  const leaving = await served('leaving');
  const well = await served('well');
  const both = upstream(leaving.origin, well.origin);
  await until(() => both.available === 1);
  for (let i = 0; i < 4; i++) expect(await both.use(get, no)).toBe('well');
  await well.stop();
  // The last one that answers at all.
  expect(await both.use(get, yes)).toBe('leaving');
});

test('other failures are not the connection’s: they are thrown as they are', async () => {
  const well = await served('well');
  const fail = async (): Promise<never> => {
    throw new TypeError('a mistake of ours');
  };
  const one = upstream(well.origin);
  await expect(one.use(fail, yes)).rejects.toThrow('a mistake of ours');
  expect(one.available).toBe(1);
});
