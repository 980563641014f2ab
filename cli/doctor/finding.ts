/** One thing that was looked at. */
export interface Finding {
  /** `node`, `disk`, `master key` ... */
  readonly check: string;
  /** `warning`: it works, but not as well or as safely as it should. */
  readonly state: 'ok' | 'warning' | 'trouble';
  readonly found: string;
  /** What to do; only where something is to be done. */
  readonly advice?: string;
}

export function ok(check: string, found: string): Finding {
  return { check, state: 'ok', found };
}

export function warning(check: string, found: string, advice: string): Finding {
  return { check, state: 'warning', found, advice };
}

export function trouble(check: string, found: string, advice: string): Finding {
  return { check, state: 'trouble', found, advice };
}

/** The message of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
