import type { ServerResponse } from 'node:http';
import { clientLeft } from '#platform/graphql/http-door';
import type { ResultStream } from '#platform/graphql/streams/result-stream';
import { writeSlowly } from '#platform/http/write-slowly';

/** What results of a subscription are, between processes of an installation: a JSON text a line. */
export const LINES = 'application/x-ndjson';

/** An empty line so often, while nothing happens. */
export const LINE_KEEP_ALIVE_MS = 10_000;

/** Says that all has been told; without it the stream broke off. */
export const LAST_LINE = '{"complete":true}';

/** Answers of subscriptions to other processes. */
export class LineStreams {
  readonly #open = new Set<ServerResponse>();

  async send(results: ResultStream, response: ServerResponse): Promise<void> {
    const left = clientLeft(response);
    response.writeHead(200, { 'content-type': LINES });
    response.flushHeaders();
    this.#open.add(response);
    const alive = setInterval(() => response.write('\n'), LINE_KEEP_ALIVE_MS);
    try {
      for await (const result of results) await writeSlowly(response, `${JSON.stringify(result)}\n`, left);
      if (!left.aborted) response.end(`${LAST_LINE}\n`);
    } finally {
      clearInterval(alive);
      this.#open.delete(response);
    }
  }

  /** Breaks all off: whoever reads them asks another process. */
  close(): void {
    for (const response of this.#open) response.destroy();
  }
}
