import type { Caller } from '#domain/caller';
import { CairnError } from '#domain/errors';
import { type OwnCallRule, type OwnTrailRules, eventNameOf } from '#domain/own-events';
import type { CallRecorder } from '#journal/own-trail/call-recorder';
import type { SubgraphContext } from '#subgraphs/shared/context';

export type Resolve = (source: unknown, args: unknown, context: SubgraphContext, info: unknown) => unknown;
type Fields = Readonly<Record<string, Resolve>>;

/** What a subgraph needs to record what is asked of it. */
export interface Recording {
  readonly recorder: Pick<CallRecorder, 'begin' | 'read' | 'refused' | 'recordsReads'>;
  readonly rules: OwnTrailRules;
}

/**
 * Every mutation stands durably as begun before its resolver runs, and its outcome before it is answered; what
 * cannot be recorded is not done. Throws when one is not described: nobody has decided what may be told of it.
 */
export function recordMutations(fields: Fields, recording: Recording): Record<string, Resolve> {
  return mapFields(fields, (name, resolve) => {
    const rule = recording.rules.mutations[name];
    if (rule === undefined) throw new Error(`What may be recorded of the mutation ${name} is not decided.`);
    return rule === 'unrecorded' ? resolve : recordMutation(name, resolve, { ...recording, rule });
  });
}

/** Queries where reads are recorded, before they are answered; refusals everywhere. */
export function recordReads(fields: Fields, recording: Recording): Record<string, Resolve> {
  const { recorder, rules } = recording;
  return mapFields(fields, (field, resolve) => {
    const rule = { request: rules.reads[field] ?? [], response: ['count'], accounts: ['caller'] } as const;
    return async (source, args, context, info) => {
      const caller = callerOf(context);
      let result: unknown;
      try {
        result = await resolve(source, args, context, info);
      } catch (error) {
        if (!tellRefusal(recorder, field, caller, error) && recorder.recordsReads) {
          await recorder.read({ field, caller, args, rule }, { error: toldError(error) });
        }
        throw error;
      }
      if (recorder.recordsReads) {
        await recorder.read({ field, caller, args, rule }, { result: { count: countOf(result) } });
      }
      return result;
    };
  });
}

/** Refusals of the check that comes before any resolver. */
export function tellRefusals(fields: Fields, { recorder }: Recording): Record<string, Resolve> {
  return mapFields(fields, (field, resolve) => (source, args, context, info) => {
    try {
      return resolve(source, args, context, info);
    } catch (error) {
      tellRefusal(recorder, field, callerOf(context), error);
      throw error;
    }
  });
}

function recordMutation(
  field: string,
  resolve: Resolve,
  { recorder, rule }: Recording & { readonly rule: OwnCallRule },
): Resolve {
  return async (source, args, context, info) => {
    const caller = callerOf(context);
    const begun = await recorder.begin({ field, caller, args, rule });
    let result: unknown;
    try {
      result = await resolve(source, args, context, info);
    } catch (error) {
      // Refusals are counted, for anybody with a key can repeat them as he likes.
      if (tellRefusal(recorder, field, caller, error)) await begun.withdraw();
      else await begun.end({ error: toldError(error) });
      throw error;
    }
    await begun.end({ result });
    return result;
  };
}

function tellRefusal(
  recorder: Recording['recorder'],
  field: string,
  caller: Caller,
  error: unknown,
): boolean {
  if (!(error instanceof CairnError)) return false;
  const { code } = error;
  if (code !== 'FORBIDDEN' && code !== 'ACCOUNT_NOT_ALLOWED') return false;
  recorder.refused({ operation: eventNameOf(field), code, caller });
  return true;
}

function toldError(error: unknown): Pick<CairnError, 'code' | 'message'> {
  if (error instanceof CairnError) return error;
  return { code: 'INTERNAL', message: 'Something went wrong; it is logged under the request id.' };
}

function callerOf({ principal, requestId, clientAddress, userAgent }: SubgraphContext): Caller {
  return { principal, requestId, clientAddress, userAgent };
}

/** Of a list, or of a connection's page; undefined for one thing. */
function countOf(result: unknown): number | undefined {
  if (Array.isArray(result)) return result.length;
  if (typeof result !== 'object' || result === null) return undefined;
  if ('edges' in result && Array.isArray(result.edges)) return result.edges.length;
  return 'events' in result && Array.isArray(result.events) ? result.events.length : undefined;
}

function mapFields(
  fields: Fields,
  wrap: (name: string, resolve: Resolve) => Resolve,
): Record<string, Resolve> {
  return Object.fromEntries(Object.entries(fields).map(([name, resolve]) => [name, wrap(name, resolve)]));
}
