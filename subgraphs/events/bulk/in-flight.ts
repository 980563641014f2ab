/** Runs work side by side, at most `limit` pieces at a time; the first failure ends it. */
export class InFlight {
  private readonly running: Promise<void>[] = [];
  private failed: { readonly reason: unknown } | undefined;

  constructor(private readonly limit: number) {}

  /** Waits until there is room. Rejects with the first failure of what was started before. */
  async start(work: () => Promise<void>): Promise<void> {
    while (this.running.length >= this.limit) await this.running.shift();
    if (this.failed) throw this.failed.reason;
    this.running.push(this.run(work));
  }

  /** Waits for all that was started, whether it failed or not. */
  async settle(): Promise<void> {
    while (this.running.length > 0) await this.running.shift();
  }

  /** Rejects with the first failure. */
  async finish(): Promise<void> {
    await this.settle();
    if (this.failed) throw this.failed.reason;
  }

  private async run(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (reason) {
      this.failed ??= { reason };
    }
  }
}
