import type { ErrorCode } from '#domain/errors';

/** An expected refusal of a mutation, answered as data. */
export interface UserError {
  readonly code: ErrorCode;
  /** The faulty argument: `input.accounts[2]`. Null when none is at fault. */
  readonly path: string | null;
  readonly message: string;
}

/** What a use case answers: its value, or why it did nothing. */
export type Outcome<T> = { readonly value: T } | { readonly refused: readonly UserError[] };

export function refusal(code: ErrorCode, path: string | null, message: string): UserError {
  return { code, path, message };
}

export function refused(...errors: readonly UserError[]): { readonly refused: readonly UserError[] } {
  return { refused: errors };
}
