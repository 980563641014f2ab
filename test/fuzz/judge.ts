import { isErrorCode } from '#domain/errors';
import type { Answer } from '#test/fuzz/sent';

/** GraphQL's own, beside the catalog's. */
const GRAPHQL_CODES: ReadonlySet<string> = new Set(['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED']);
/** Redirects and what is not ours never; 5xx only with these. */
const SERVER_STATUS: ReadonlySet<number> = new Set([501, 503, 504, 505]);
const SHOWN = 300;

/** What is wrong with an answer, in words; nothing when nothing is. */
export function judge({ status, type, text }: Answer, secrets: readonly string[]): readonly string[] {
  const findings: string[] = [];
  for (const secret of secrets) {
    if (text.includes(secret))
      findings.push(`the answer shows ${secret.slice(0, 24)}: ${around(text, secret)}`);
  }
  if (status >= 500 && !SERVER_STATUS.has(status)) findings.push(`status ${status}: ${text.slice(0, SHOWN)}`);
  if (status >= 300 && status < 400) findings.push(`status ${status}: ${text.slice(0, SHOWN)}`);
  const codes = codesIn(text);
  for (const code of codes) {
    if (code === 'INTERNAL' || !(isErrorCode(code) || GRAPHQL_CODES.has(String(code))))
      findings.push(`code ${String(code)}: ${around(text, String(code))}`);
  }
  const isOurs = type.includes('json');
  if (isOurs && status >= 400 && codes.length === 0) {
    findings.push(`status ${status} without a code: ${text.slice(0, SHOWN)}`);
  }
  return findings;
}

function around(text: string, part: string): string {
  const at = text.indexOf(part);
  return text.slice(Math.max(0, at - SHOWN / 2), at + SHOWN / 2);
}

/** The codes of all errors that a text of JSON, of lines or of events of it, speaks of. */
function codesIn(text: string): unknown[] {
  const codes: unknown[] = [];
  for (const part of text.length > 0 ? [text, ...text.split('\n')] : []) {
    const json = part.startsWith('data: ') ? part.slice(6) : part;
    if (!json.startsWith('{') && !json.startsWith('[')) continue;
    try {
      collect(JSON.parse(json), codes);
    } catch {
      // A line of a pretty answer, which was read as a whole.
    }
  }
  return [...new Set(codes)];
}

interface Answered {
  readonly errors?: unknown;
  readonly error?: { readonly code?: unknown };
  readonly refusals?: unknown;
  readonly payload?: unknown;
}

function collect(answer: unknown, codes: unknown[]): void {
  if (Array.isArray(answer)) {
    for (const one of answer) collect(one, codes);
    return;
  }
  if (typeof answer !== 'object' || answer === null) return;
  const { errors, error, refusals, payload }: Answered = answer;
  if (typeof error === 'object' && error !== null) codes.push(error.code);
  for (const one of [...listOf(errors), ...listOf(refusals)]) codes.push(codeOf(one));
  // Of graphql-transport-ws: errors are the payload themselves.
  if ('type' in answer && answer.type === 'error') for (const one of listOf(payload)) codes.push(codeOf(one));
  if ('type' in answer && answer.type === 'next') collect(payload, codes);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function codeOf(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('extensions' in error && typeof error.extensions === 'object' && error.extensions !== null) {
    return 'code' in error.extensions ? error.extensions.code : undefined;
  }
  return 'code' in error ? error.code : undefined;
}
