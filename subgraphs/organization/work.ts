import { INSTALLATION_ACCOUNT } from '#domain/ids';
import { jobs } from '#domain/jobs';
import type { JobBoard, JobDesk, JobFilter, JobRun, JobSlice } from '#domain/jobs';
import { addMonths, startOfMonth } from '#domain/month';
import type { AccountDirectory } from '#domain/organization';
import { coversAccount } from '#domain/principal';
import type { Principal } from '#domain/principal';
import { refusal, refused } from '#subgraphs/organization/refusal';
import type { Outcome, UserError } from '#subgraphs/organization/refusal';
import { requireInstallationAdministrator } from '#subgraphs/shared/context';

interface WorkParts {
  readonly desk: JobDesk;
  readonly board: JobBoard;
  readonly directory: AccountDirectory;
  readonly now: () => number;
}

/** Use cases that start long work of the installation and look after it. */
export class Work {
  readonly #parts: WorkParts;

  constructor(parts: WorkParts) {
    this.#parts = parts;
  }

  /** Undefined for what does not exist or concerns others. Runs without an account are the installation's. */
  async jobRun(principal: Principal, id: string): Promise<JobRun | undefined> {
    const run = await this.#parts.desk.find(id);
    if (run === undefined) return undefined;
    const visible =
      run.account === undefined ? principal.accounts === 'ALL' : coversAccount(principal, run.account);
    return visible ? run : undefined;
  }

  async jobs(principal: Principal, filter: JobFilter, slice: JobSlice): Promise<readonly JobRun[]> {
    requireInstallationAdministrator({ principal });
    return this.#parts.board.list(filter, slice);
  }

  async job(principal: Principal, id: string): Promise<JobRun | undefined> {
    requireInstallationAdministrator({ principal });
    return this.#parts.desk.find(id);
  }

  /** Gives a run that is DEAD another series of attempts. */
  async retryJob(principal: Principal, id: string): Promise<Outcome<JobRun>> {
    requireInstallationAdministrator({ principal });
    const run = await this.#parts.board.retry(id);
    if (run !== undefined) return { value: run };
    if ((await this.#parts.desk.find(id)) === undefined) {
      return refused(refusal('NOT_FOUND', 'id', 'There is no run of this id.'));
    }
    return refused(refusal('CONFLICT', 'id', 'Only a run that is DEAD can begin anew.'));
  }

  async eraseAccount(principal: Principal, account: string, before: Date | null): Promise<Outcome<JobRun>> {
    requireInstallationAdministrator({ principal });
    const fault = (await this.#accountFault(account)) ?? this.#beforeFault(before);
    if (fault) return refused(fault);
    const run = await this.#parts.desk.start(jobs.eraseAccount, {
      account,
      ...(before && { before: before.getTime() }),
    });
    return { value: run };
  }

  async rebuildHistory(principal: Principal): Promise<Outcome<JobRun>> {
    requireInstallationAdministrator({ principal });
    return { value: await this.#parts.desk.start(jobs.rebuildHistory, {}) };
  }

  async #accountFault(account: string): Promise<UserError | undefined> {
    if (account === INSTALLATION_ACCOUNT) {
      return refusal('INVALID_ARGUMENT', 'account', 'The installation’s own account cannot be erased.');
    }
    if (await this.#parts.directory.exists(account)) return undefined;
    return refusal('NOT_FOUND', 'account', `There is no account ${account}.`);
  }

  /** Keys are per month of eventTime, so an erasure ends where a month begins. */
  #beforeFault(before: Date | null): UserError | undefined {
    if (before === null) return undefined;
    const time = before.getTime();
    const month = startOfMonth(time);
    if (month !== time) {
      const message = `Erasures end where a month begins, UTC: say ${instant(month)} or ${instant(addMonths(time, 1))}.`;
      return refusal('INVALID_ARGUMENT', 'before', message);
    }
    const latest = addMonths(this.#parts.now(), 1);
    if (time <= latest) return undefined;
    const message = `Erasures reach to the end of this month at most: say ${instant(latest)}, or leave it out.`;
    return refusal('INVALID_ARGUMENT', 'before', message);
  }
}

function instant(time: number): string {
  return new Date(time).toISOString().replace('.000Z', 'Z');
}
