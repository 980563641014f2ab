interface Terminal {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** A line on stderr that is rewritten in place, at most ten times a second; silent when not a terminal. */
export class Progress {
  #shownAt = 0;
  readonly #terminal: Terminal;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(text: () => string): void {
    const now = Date.now();
    if (!this.#terminal.isTTY || now - this.#shownAt < 100) return;
    this.#shownAt = now;
    this.#terminal.write(`\r\u001b[2K${text()}`);
  }

  done(): void {
    if (this.#terminal.isTTY && this.#shownAt > 0) this.#terminal.write('\r\u001b[2K');
  }
}
