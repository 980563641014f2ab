import { once } from 'node:events';
import { createServer, request as send } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What becomes of a request: `pass`; `deaf`: it arrives, and its answer is lost; `cut`: the answer breaks off in
 * its body; `flip`: a bit of the body is another; `mute`: it does not arrive, and nothing answers; a number: it
 * does not arrive, and that status is the answer; a text: so is that JSON, with status 400.
 */
export type Fate = 'pass' | 'deaf' | 'cut' | 'flip' | 'mute' | number | { readonly text: string };

export interface TamperingProxy {
  readonly endpoint: string;
  /** `<method> <path and query>` of every request. */
  readonly seen: readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** Stands before an HTTP service and does to its requests what `fateOf` says. */
export async function tamperingProxy(
  target: string,
  fateOf: (request: IncomingMessage) => Fate,
): Promise<TamperingProxy> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    const fate = fateOf(request);
    if (fate === 'mute') return;
    if (typeof fate === 'number') request.resume().on('end', () => response.writeHead(fate).end());
    else if (typeof fate === 'object')
      request.resume().on('end', () => response.writeHead(400).end(fate.text));
    else forward(target, fate, request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function forward(target: string, fate: Fate, request: IncomingMessage, response: ServerResponse): void {
  const { hostname, port } = new URL(target);
  const { method, url: path, headers } = request;
  // The Host header goes along as it is: it is part of what was signed.
  const onward = send({ hostname, port, method, path, headers, agent: false }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('end', () => {
      const body = Buffer.concat(chunks);
      if (fate === 'deaf') return request.socket.destroy();
      if (fate === 'flip' && body.length > 0) body.writeUInt8(body.readUInt8(0) ^ 1, 0);
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      if (fate !== 'cut') return response.end(body);
      return response.write(body.subarray(0, body.length >> 1), () => request.socket.destroy());
    });
  });
  onward.on('error', () => request.socket.destroy());
  request.pipe(onward);
}
