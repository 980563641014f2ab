import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/**
 * `pass`; `slow`: every piece of data comes later, in either direction; `hang`: connections are taken and nothing
 * goes through, as with a server that is stopped or a network that drops everything; `refuse`: nobody listens.
 */
export type Weather = 'pass' | 'slow' | 'hang' | 'refuse';

/** Stands before a service, so that the way to it can break while the service itself is well. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** Resolves when it holds. From `hang` to `pass` what was held back goes on. */
  change(weather: Weather): Promise<void>;
  /** Breaks every connection in the middle of what it carries; new ones are taken. */
  cut(): void;
}

interface ProxyTarget {
  readonly host: string;
  readonly port: number;
  /** Milliseconds by which `slow` delays each piece; 500 unless told. */
  readonly delayMs?: number;
}

export async function startFaultProxy(target: ProxyTarget): Promise<FaultProxy> {
  const proxy = new TcpProxy(target);
  await proxy.listen();
  return proxy;
}

class TcpProxy implements FaultProxy {
  readonly #target: ProxyTarget;
  readonly #links = new Set<Link>();
  #server: Server | undefined;
  #weather: Weather = 'pass';
  #port = 0;

  constructor(target: ProxyTarget) {
    this.#target = target;
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#take(socket));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  async change(weather: Weather): Promise<void> {
    this.#weather = weather;
    if (weather === 'refuse') await this.#deafen();
    else if (this.#server === undefined) await this.listen();
    for (const link of this.#links) link.weather(weather);
  }

  cut(): void {
    for (const link of this.#links) link.cut();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#deafen();
  }

  async #deafen(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.cut();
    if (server === undefined) return;
    server.close();
    // Links end with their sockets, which the server waits for.
    await once(server, 'close');
  }

  #take(near: Socket): void {
    const far = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    near.setNoDelay(true);
    const link = new Link(near, far, this.#target.delayMs ?? SLOW_MS);
    this.#links.add(link);
    link.weather(this.#weather);
    near.once('close', () => this.#links.delete(link));
  }
}

const SLOW_MS = 500;

/** One connection through the proxy. */
class Link {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #delayMs: number;
  #weather: Weather = 'pass';

  constructor(near: Socket, far: Socket, delayMs: number) {
    this.#near = near;
    this.#far = far;
    this.#delayMs = delayMs;
    this.#carry(near, far);
    this.#carry(far, near);
  }

  weather(weather: Weather): void {
    this.#weather = weather;
    for (const socket of [this.#near, this.#far]) {
      if (weather === 'hang') socket.pause();
      else socket.resume();
    }
  }

  cut(): void {
    this.#near.resetAndDestroy();
    this.#far.destroy();
  }

  #carry(from: Socket, to: Socket): void {
    // One after the other, also what comes soon after what was slow.
    let line = Promise.resolve();
    const soon = (then: () => void): void => {
      const due = performance.now() + (this.#weather === 'slow' ? this.#delayMs : 0);
      line = line.then(async () => {
        const early = due - performance.now();
        if (early > 0) await setTimeout(early);
        then();
      });
    };
    from.on('data', (chunk) => soon(() => void (to.writable && to.write(chunk))));
    from.on('end', () => soon(() => void to.end()));
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
}
