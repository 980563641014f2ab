import type { IndexedFields, JsonObject } from '#domain/event';

/** A string member as it can be sent: lone surrogates, which no UTF-8 holds, become U+FFFD (`raw` has them). */
export function textOf(owner: JsonObject | undefined, name: string): string | null {
  const value = owner?.[name];
  return typeof value === 'string' ? value.toWellFormed() : null;
}

/** CloudTrail writes some flags as strings. */
export function flagOf(owner: JsonObject | undefined, name: string): boolean | null {
  const value = owner?.[name];
  if (value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : null;
}

/** The named string members of an object; null when there is no such object. */
export function textsOf<Name extends string>(
  owner: JsonObject | undefined,
  names: readonly Name[],
): Readonly<Record<Name, string | null>> | null {
  if (owner === undefined) return null;
  const texts: Partial<Record<Name, string | null>> = {};
  for (const name of names) texts[name] = textOf(owner, name);
  return texts as Record<Name, string | null>;
}

/** The fields with texts that can be sent, as event history gives them. */
export function wellFormed(fields: IndexedFields): IndexedFields {
  return {
    ...fields,
    eventName: fields.eventName?.toWellFormed(),
    eventSource: fields.eventSource?.toWellFormed(),
    username: fields.username?.toWellFormed(),
    principalArn: fields.principalArn?.toWellFormed(),
    accessKeyId: fields.accessKeyId?.toWellFormed(),
    region: fields.region?.toWellFormed(),
    sourceIPAddress: fields.sourceIPAddress?.toWellFormed(),
    userAgent: fields.userAgent?.toWellFormed(),
    errorCode: fields.errorCode?.toWellFormed(),
    resources: fields.resources.map(({ type, name, arn }) => ({
      type: type?.toWellFormed(),
      name: name?.toWellFormed(),
      arn: arn?.toWellFormed(),
    })),
  };
}
