import { CommanderError } from 'commander';
import { EXIT } from '#cli/cli-context';
import { PlatformError } from '#cli/client';
import { OutputGone } from '#cli/output/print';
import { printable } from '#cli/output/table';
import { CairnError } from '#domain/errors';
import { ConfigError } from '#platform/config';
import { hasCode } from '#platform/files';
import { ObjectStoreError } from '#platform/objects/s3/s3-error';
import { ServiceUnavailable } from '#platform/service-unavailable';

const NEGATIVE_CODES = new Set(['NOT_FOUND', 'NOT_SEALED', 'CONFLICT', 'ERASED']);
const USAGE_CODES = new Set(['UNAUTHENTICATED', 'FORBIDDEN', 'CURSOR_EXPIRED', 'LIMIT_EXCEEDED']);

/** How a shell reports a process that SIGPIPE ended: what `| head` makes of other commands, too. */
const EXIT_SIGPIPE = 141;

export interface Explanation {
  /** For stderr; empty when there is nothing to say. */
  readonly text: string;
  readonly code: number;
}

/** What went wrong, in a line where it is nobody's mistake in the code, and the exit code for it. */
export function explain(error: unknown): Explanation {
  // Commander has printed its own text.
  if (error instanceof CommanderError) {
    return { text: '', code: error.exitCode === 0 ? EXIT.ok : EXIT.usage };
  }
  if (error instanceof OutputGone) return { text: '', code: EXIT_SIGPIPE };
  if (error instanceof ConfigError) return { text: error.message, code: EXIT.usage };
  if (error instanceof CairnError || error instanceof PlatformError) {
    const { path } = error;
    const where = path === undefined || error.message.includes(path) ? '' : ` (${path})`;
    return { text: printable(`${error.code}${where}: ${error.message}`), code: exitCodeOf(error) };
  }
  // A command asks the services itself: here the reason is for who runs it.
  if (error instanceof ServiceUnavailable || error instanceof ObjectStoreError) {
    const why = error.cause instanceof Error ? ` (${error.cause.message})` : '';
    return { text: printable(`UNAVAILABLE: ${error.message}${why}`), code: EXIT.unavailable };
  }
  if (hasCode(error, 'ENOSPC', 'EIO', 'EACCES', 'EROFS') && error instanceof Error) {
    return { text: printable(error.message), code: EXIT.unavailable };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { text, code: EXIT.unavailable };
}

function exitCodeOf(error: CairnError | PlatformError): number {
  if (NEGATIVE_CODES.has(error.code)) return EXIT.negative;
  // Found by the command itself, in a proof or in files: the answer. From the platform: a failure of its own.
  if (error.code === 'CORRUPT' && error instanceof CairnError) return EXIT.negative;
  return error.code.startsWith('INVALID_') || USAGE_CODES.has(error.code) ? EXIT.usage : EXIT.unavailable;
}
