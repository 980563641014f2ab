import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** One door of the server. */
export interface Route {
  /** Upper case; `*` takes every method and answers the wrong ones itself. */
  readonly method: string;
  /** The whole path, or with `/*` at its end everything below. */
  readonly path: string;
  /** Bytes as they come over the wire; none when undefined. */
  readonly maxBodyBytes?: number;
  handle(request: IncomingMessage, response: ServerResponse): Promise<void> | void;
  /** Takes a WebSocket over; none is taken when undefined. @throws HttpError before it has */
  readonly upgrade?: ((request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>) | undefined;
}

export type Found =
  | { readonly route: Route }
  /** The path exists, for these methods. */
  | { readonly allow: readonly string[] };

/** Finds a route by exact path first, then by the longest prefix. */
export class RouteTable {
  readonly #routes: readonly Route[];

  constructor(routes: readonly Route[]) {
    const seen = new Set<string>();
    for (const { method, path } of routes) {
      if (seen.has(`${method} ${path}`)) throw new Error(`Two routes for ${method} ${path}`);
      seen.add(`${method} ${path}`);
    }
    this.#routes = routes.toSorted((a, b) => b.path.length - a.path.length);
  }

  find(method: string, path: string): Found {
    const exact = this.#routes.filter((route) => route.path === path);
    const fitting = exact.length > 0 ? exact : this.#below(path);
    // HEAD is GET without the body, which Node leaves out itself.
    const asked = method === 'HEAD' ? ['HEAD', 'GET', '*'] : [method, '*'];
    const route = fitting.find((one) => asked.includes(one.method));
    return route === undefined ? { allow: fitting.map((one) => one.method) } : { route };
  }

  #below(path: string): readonly Route[] {
    const longest = this.#routes.find((route) => isBelow(path, route.path))?.path;
    return this.#routes.filter((route) => route.path === longest);
  }
}

function isBelow(path: string, pattern: string): boolean {
  return pattern.endsWith('/*') && path.startsWith(pattern.slice(0, -1));
}
