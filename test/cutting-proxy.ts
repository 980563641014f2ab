import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before an HTTP server and can lose or hold up what the asking process sends. */
export interface CuttingProxy {
  readonly url: string;
  /** Requests that came in since the start, `cutAt` or `holdAt`. */
  readonly requests: number;
  /** Loses the request of this number (1 is the next), and everything after it: as if the process had died. */
  cutAt(number: number): void;
  /** Holds the request of this number, and no other; resolves when it is there. Passed on at `release`. */
  holdAt(number: number): Promise<void>;
  release(): void;
  close(): Promise<void>;
}

export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  let [requests, last, held] = [0, Infinity, 0];
  let [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const server = createServer((incoming, outgoing) => {
    requests += 1;
    if (requests >= last) incoming.socket.destroy();
    else if (requests !== held) forward(target, incoming, outgoing);
    else {
      reached.resolve();
      void released.promise.then(() => forward(target, incoming, outgoing));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests;
    },
    cutAt: (number) => {
      [requests, last] = [0, number];
    },
    holdAt: (number) => {
      [requests, held] = [0, number];
      [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      return reached.promise;
    },
    release: () => released.resolve(),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function forward(target: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, headers } = incoming;
  const onward = request(new URL(incoming.url ?? '/', target), { method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', () => incoming.socket.destroy());
  incoming.pipe(onward);
}
