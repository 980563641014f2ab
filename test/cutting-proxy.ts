import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before an HTTP server and can lose a request, and all that follow: as if the asking process had died. */
export interface CuttingProxy {
  readonly url: string;
  /** Requests that came in since the start, or since `cutAt`. */
  readonly requests: number;
  /** Loses the request of this number (1 is the next), and everything after it. */
  cutAt(number: number): void;
  close(): Promise<void>;
}

export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  let [requests, last] = [0, Infinity];
  const server = createServer((incoming, outgoing) => {
    requests += 1;
    if (requests >= last) incoming.socket.destroy();
    else forward(target, incoming, outgoing);
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
