import type { Server } from 'node:net';
import type { Networks } from '#platform/http/client-address';

export interface ConnectionCaps {
  /** Connections from one address at a time. */
  readonly perAddress: number;
  /** Whoever stands in front of many others. */
  readonly exempt: Networks;
}

/** Ends connections of an address that has as many as it may: nobody holds all that the server takes. */
export function capConnections(server: Server, { perAddress, exempt }: ConnectionCaps): void {
  const open = new Map<string, number>();
  server.on('connection', (socket) => {
    const address = socket.remoteAddress;
    if (address === undefined || exempt.has(address)) return;
    const count = open.get(address) ?? 0;
    if (count >= perAddress) {
      socket.destroy();
      return;
    }
    open.set(address, count + 1);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
  });
}
