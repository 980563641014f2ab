import type { JsonObject } from '#domain/event';
import { objectIn } from '#domain/event-values';
import { jsonMembers } from '#subgraphs/events/json-members';
import { flagOf, textsOf } from '#subgraphs/events/record-values';

const OWN = [
  'type',
  'principalId',
  'arn',
  'accountId',
  'accessKeyId',
  'userName',
  'invokedBy',
  'identityProvider',
  'credentialId',
] as const;
const ISSUER = ['type', 'userName', 'principalId', 'arn', 'accountId'] as const;
const IN_SCOPE_OF = ['sourceArn', 'sourceAccount', 'issuerType', 'credentialsIssuedTo'] as const;

export type UserIdentityParts = ReturnType<typeof userIdentityOf>;

/** userIdentity as the record has it (CloudTrail User Guide, userIdentity element); `text` is its exact JSON. */
export function userIdentityOf(identity: JsonObject, text: string | null) {
  return {
    ...textsOf(identity, OWN),
    sessionContext: sessionContextOf(objectIn(identity, 'sessionContext'), memberOf(text, 'sessionContext')),
    onBehalfOf: textsOf(objectIn(identity, 'onBehalfOf'), ['userId', 'identityStoreArn']),
    inScopeOf: textsOf(objectIn(identity, 'inScopeOf'), IN_SCOPE_OF),
    invokedByDelegate: textsOf(objectIn(identity, 'invokedByDelegate'), ['accountId']),
    details: memberOf(text, 'details'),
  };
}

function sessionContextOf(session: JsonObject | undefined, text: string | null) {
  if (session === undefined) return null;
  const attributes = objectIn(session, 'attributes');
  const federation = objectIn(session, 'webIdFederationData');
  return {
    ...textsOf(session, ['sourceIdentity', 'ec2RoleDelivery']),
    assumedRoot: flagOf(session, 'assumedRoot'),
    creationDate: textsOf(attributes, ['creationDate'])?.creationDate ?? null,
    mfaAuthenticated: flagOf(attributes, 'mfaAuthenticated'),
    sessionIssuer: textsOf(objectIn(session, 'sessionIssuer'), ISSUER),
    webIdFederationData: federation && {
      ...textsOf(federation, ['federatedProvider']),
      attributes: memberOf(memberOf(text, 'webIdFederationData'), 'attributes'),
    },
  };
}

function memberOf(text: string | null, name: string): string | null {
  return text === null ? null : (jsonMembers(text).get(name) ?? null);
}
