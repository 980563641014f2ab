import { CairnError } from '#domain/errors';

/** A place in a list of things with a time and a UUID. */
export interface CreatedCursor {
  readonly createdAt: Date;
  readonly id: string;
}

export function printCursor({ createdAt, id }: CreatedCursor): string {
  return Buffer.from(`${createdAt.getTime()}.${id}`).toString('base64url');
}

/** INVALID_CURSOR, with the argument's name, for what `printCursor` has not made. */
export function parseCursor(cursor: string, direction: 'forward' | 'backward'): CreatedCursor {
  const [, time, id] =
    /^(\d{1,15})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(
      Buffer.from(cursor, 'base64url').toString(),
    ) ?? [];
  if (time !== undefined && id !== undefined) return { createdAt: new Date(Number(time)), id };
  const path = direction === 'forward' ? 'after' : 'before';
  throw new CairnError('INVALID_CURSOR', 'The cursor is none of this list.', { path });
}
