import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { DoorParts } from '#platform/graphql/authenticated-door';
import { SseDoor } from '#platform/graphql/streams/sse-door';
import { type GateParts, StreamGate } from '#platform/graphql/streams/stream-gate';
import { WsDoor } from '#platform/graphql/streams/ws-door';

/** Subscriptions at one address, over both transports. */
export interface StreamDoors {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;
  readonly close: () => Promise<void>;
}

export function createStreamDoors<Principal extends { readonly keyId: string }>(
  gateParts: GateParts<Principal>,
  doorParts: Omit<DoorParts<Principal>, 'authenticate'>,
): StreamDoors {
  const gate = new StreamGate(gateParts);
  const events = new SseDoor(gate, doorParts);
  const sockets = new WsDoor(gate);
  return {
    handle: (request, response) => events.handle(request, response),
    upgrade: (request, socket, head) => sockets.upgrade(request, socket, head),
    async close() {
      // The connections first: their clients are to come again, not to think that all has been told.
      sockets.close();
      events.close();
      await gate.close();
    },
  };
}
