import type { DestinationStream, Logger } from 'pino';
import { destination, pino, stdSerializers } from 'pino';

import { currentRequest } from '#platform/request-context';

export type Log = Logger;

export interface LogOptions {
  readonly level: string;
  /** Which process speaks: `api`, `worker`, `supervisor`. */
  readonly name: string;
  /** Standard error unless told: standard output belongs to answers. */
  readonly stream?: DestinationStream;
}

/** Fields that are never written, wherever the careless put them (one or two levels deep). */
const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'apiKey',
  'token',
  'masterKey',
  'raw',
  'eventData',
  // What ioredis hangs on its errors: a command with all its arguments, AUTH's among them.
  'command',
];

/** An API key (cairn_<id>_<secret>) or a password in a URL, wherever in a line; the key's id may stay. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/\b(cairn_[A-Za-z0-9]+)_[A-Za-z0-9_-]{8,}/g, '$1_[hidden]'],
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s:/@"]*):[^\s@/"]+@/g, '$1:[hidden]@'],
];

/** JSON lines with the request's id in each; secrets hidden. */
export function createLog({ level, name, stream }: LogOptions): Log {
  return pino(
    {
      level,
      base: { process: name, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: stdSerializers.err, err: stdSerializers.err },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
        censor: '[hidden]',
      },
      mixin: () => {
        const request = currentRequest();
        return request === undefined ? {} : { requestId: request.requestId };
      },
      hooks: { streamWrite: hideSecrets },
    },
    stream ?? standardError(),
  );
}

/** A line that cannot be written (the terminal was closed, the disk is full) must not end what it tells of. */
function standardError(): DestinationStream {
  const stream = destination({ dest: 2, sync: true });
  stream.on('error', () => undefined);
  return stream;
}

function hideSecrets(line: string): string {
  return SECRETS.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), line);
}
