import type { CairnClient } from '#cli/client';

interface Terminal {
  readonly isTTY?: boolean | undefined;
  write(text: string): boolean;
}

/** What a command may use of the world around it. Commands register themselves: `register(program, cli)`. */
export interface CliContext {
  /** The platform of CAIRN_URL and CAIRN_API_KEY, else of the profile; throws UNAUTHENTICATED without a key. */
  connect(): CairnClient;
  /** Writes to stdout; resolves when there is room for more, so that a slow reader holds back a long answer. */
  print(text: string): Promise<void>;
  readonly stderr: Terminal;
  /** Ends the process with this code (EXIT) once everything is printed. */
  exitWith(code: number): void;
  /** Whether colours may be used on stdout: a terminal, and NO_COLOR is not set. */
  readonly color: boolean;
}

/** Exit codes of every command. */
export const EXIT = {
  ok: 0,
  /** The answer is "no": verification failed, something was refused, doctor found trouble. */
  negative: 1,
  /** The command was called wrongly. */
  usage: 2,
  /** Cairn could not be reached or failed. */
  unavailable: 3,
} as const;
