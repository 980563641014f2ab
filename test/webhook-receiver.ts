import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** What came, verified with the library that receivers use. */
export interface Received {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Whether the signature is the secret's and the time is now. */
  readonly verified: boolean;
}

/** How a request is answered: with a status, or by hand. */
export type Answer = number | ((response: ServerResponse, received: Received) => void);

/** A receiver of webhooks on this machine. */
export interface WebhookReceiver {
  readonly url: string;
  readonly received: Received[];
  /** 204 unless told. */
  answer: Answer;
  /** `whsec_…` */
  secret: string;
  /** Until so many have come. */
  heard(count: number): Promise<void>;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<WebhookReceiver> {
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const { headers } = request;
      const verified = isVerified(receiver.secret, headers, body);
      const one = { id: String(headers['webhook-id']), headers, body, verified };
      receiver.received.push(one);
      for (const wake of waiting) wake();
      const { answer } = receiver;
      if (typeof answer === 'number') response.writeHead(answer).end();
      else answer(response, one);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const receiver: WebhookReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=hidden`,
    received: [],
    answer: 204,
    secret: '',
    heard: async (count) => {
      while (receiver.received.length < count) {
        const next = Promise.withResolvers<void>();
        waiting.add(next.resolve);
        await next.promise;
        waiting.delete(next.resolve);
      }
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}

function isVerified(secret: string, headers: IncomingHttpHeaders, body: Buffer): boolean {
  const given = Object.fromEntries(
    ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [name, String(headers[name])]),
  );
  try {
    new Webhook(secret).verify(body.toString(), given);
    return true;
  } catch {
    return false;
  }
}
