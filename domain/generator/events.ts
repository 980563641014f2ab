import { CALLS, type Call } from '#domain/generator/calls';
import { castOf, REGIONS, type AccountCast, type Actor, type ActorKind } from '#domain/generator/cast';
import { Random } from '#domain/generator/random';
import { endpointOf, formatRecord, type RecordParts } from '#domain/generator/record';

export interface SourceOptions {
  /** Decides who and what there is. */
  readonly seed: number;
  /** Decides what happens; another run in the same world gives other events. Default 0. */
  readonly run?: number | undefined;
  readonly accounts: readonly string[];
}

export interface GenerateOptions extends SourceOptions {
  readonly count: number;
  /** Milliseconds since 1970; from <= eventTime < to. */
  readonly from: number;
  readonly to: number;
}

/** AWS's own example ids. */
export const EXAMPLE_ACCOUNTS = ['111122223333', '444455556666', '777788889999', '123456789012'] as const;

/** Log files are not in order of time: a record comes up to this much before its place. */
const JITTER_MS = 600_000;
/** Of calls: refused, and failed otherwise. */
const DENIED = 0.02;
const FAILED = 0.03;
const TABLE_SIZE = 4096;

/**
 * Records as CloudTrail writes them (1.3 KB of JSON on average), the same for the same options: few users,
 * programs, accounts, names and regions do most of it, addresses and ids are AWS's and RFC 5737's examples.
 * Roughly in order of time, evenly spread.
 */
export function* generateEvents(options: GenerateOptions): Generator<string, void, void> {
  const source = new EventSource(options);
  const step = (options.to - options.from) / options.count;
  for (let i = 0; i < options.count; i += 1) {
    const jitter = source.random.below(Math.min(JITTER_MS, i * step + 1));
    yield source.next(options.from + i * step - jitter);
  }
}

/** An endless source of events at times that the caller chooses. */
export class EventSource {
  readonly random: Random;
  readonly casts: readonly AccountCast[];
  readonly #tables: Readonly<Record<ActorKind, readonly Call[]>>;

  constructor({ seed, run = 0, accounts }: SourceOptions) {
    if (accounts.length === 0) throw new RangeError('at least one account is needed');
    this.random = new Random(Math.imul(seed, 0x9e3779b1) ^ run);
    this.casts = accounts.map((account) => castOf(account, new Random(seed ^ Number(account.slice(-9)))));
    this.#tables = { person: tableOf('person'), program: tableOf('program'), service: tableOf('service') };
  }

  /** JSON text of one event at `time` (milliseconds since 1970; the record has whole seconds). */
  next(time: number): string {
    const { random } = this;
    const cast = this.casts[random.skewed(this.casts.length)];
    if (cast === undefined) throw new RangeError('no account');
    const actor = this.#actor(cast);
    const call = this.#tables[actor.kind][random.below(TABLE_SIZE)];
    if (call === undefined) throw new RangeError('no call');
    return formatRecord(this.#partsOf({ actor, cast, call, time }));
  }

  #actor(cast: AccountCast): Actor {
    const { random } = this;
    const kind = random.float();
    if (kind < 0.2) return random.pickSkewed(cast.people);
    return kind < 0.8 ? random.pickSkewed(cast.programs) : random.pickSkewed(cast.services);
  }

  #partsOf({
    actor,
    cast,
    call,
    time,
  }: {
    actor: Actor;
    cast: AccountCast;
    call: Call;
    time: number;
  }): RecordParts {
    const { random } = this;
    const [service = ''] = call.source.split('.');
    const { region, host } = endpointOf(service, random.chance(0.9) ? actor.region : random.pick(REGIONS));
    const details = call.details({ random, cast, region, time });
    const error = this.#errorOf(actor, call);
    return {
      parametersJson: 'null',
      agent: actor.agent,
      ...details,
      responseJson: error === undefined ? (details.responseJson ?? 'null') : 'null',
      identityJson: actor.identityAt(time),
      time,
      source: call.source,
      name: call.name,
      region,
      ip: actor.ip,
      error,
      requestId: random.uuid(),
      eventId: random.uuid(),
      readOnly: call.readOnly,
      isData: call.isData,
      account: cast.account,
      host: actor.kind === 'service' ? undefined : host,
    };
  }

  #errorOf({ arn }: Actor, call: Call): RecordParts['error'] {
    const dice = this.random.float();
    if (dice < FAILED && call.failure !== undefined) return call.failure;
    if (dice < 1 - DENIED || arn === undefined || call.source.startsWith('signin')) return undefined;
    return denied(arn, call);
  }
}

/** EC2 has its own code for it. */
export function denied(arn: string, { source, name }: Pick<Call, 'source' | 'name'>): RecordParts['error'] {
  const service = source.split('.')[0];
  const action = `${service}:${name}`;
  return {
    code: service === 'ec2' ? 'Client.UnauthorizedOperation' : 'AccessDenied',
    message: `User: ${arn} is not authorized to perform: ${action} because no identity-based policy allows the ${action} action`,
  };
}

/** Calls repeated by weight, so that one random number picks one. */
function tableOf(kind: ActorKind): readonly Call[] {
  const total = CALLS.reduce((sum, { weight }) => sum + (weight[kind] ?? 0), 0);
  const table: Call[] = [];
  let passed = 0;
  for (const call of CALLS) {
    passed += call.weight[kind] ?? 0;
    while (table.length < Math.round((passed / total) * TABLE_SIZE)) table.push(call);
  }
  return table;
}
