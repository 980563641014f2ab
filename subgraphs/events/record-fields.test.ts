import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Principal } from '#domain/principal';
import { startEvents } from '#test/events/events-platform';
import { recordText } from '#test/events/records';
import { plain } from '#test/events/run-subgraph';

const ONE = '111111111111';
const administrator: Principal = { keyId: 'admin', role: 'administrator', accounts: 'ALL' };

const ALL_FIELDS = `id account { id } raw receivedAt source eventId eventTime eventCategory accountId eventName eventSource readOnly
  username principalArn accessKeyId resources { type name arn } awsRegion sourceIPAddress userAgent errorCode
  errorMessage eventVersion eventType apiVersion managementEvent requestId requestParameters responseElements
  additionalEventData serviceEventDetails recipientAccountId sharedEventId vpcEndpointId vpcEndpointAccountId
  sessionCredentialFromConsole summary eventData edgeDeviceDetails eventContext annotation
  userIdentity { type principalId arn accountId accessKeyId userName invokedBy identityProvider credentialId details
    invokedByDelegate { accountId } onBehalfOf { userId identityStoreArn }
    inScopeOf { sourceArn sourceAccount issuerType credentialsIssuedTo }
    sessionContext { creationDate mfaAuthenticated sourceIdentity ec2RoleDelivery assumedRoot
      sessionIssuer { type userName principalId arn accountId }
      webIdFederationData { federatedProvider attributes } } }
  tlsDetails { tlsVersion cipherSuite clientProvidedHostHeader keyExchange }
  addendum { reason updatedFields originalRequestID originalEventID originalUID }
  insightDetails { state eventSource eventName errorCode insightType insightContext }
  timeWindow { windowStart windowEnd windowSize } metadata { ingestionTime channelARN }`;

let cairn: Awaited<ReturnType<typeof startEvents>>;
beforeAll(async () => {
  cairn = await startEvents(() => Date.now(), ONE);
});
afterAll(() => cairn[Symbol.asyncDispose]());

async function record(...texts: string[]): Promise<string[]> {
  const intake = cairn.services.recorder.open({ principal: administrator, account: ONE, importId: 'i' });
  for (const text of texts) intake.add(Buffer.from(text));
  const results = await intake.commit();
  const ids = await Promise.all(results.map((result) => cairn.services.recorder.idOf(result)));
  return ids.map((id) => id ?? '');
}

async function read(id = ''): Promise<Record<string, unknown>> {
  const query = `query ($id: ID!) { event(id: $id) { ${ALL_FIELDS} } }`;
  const { data, messages } = plain(await cairn.run(administrator, query, { id }));
  expect(messages).toEqual([]);
  return data?.['event'] as Record<string, unknown>;
}

describe('the fields of an event', () => {
  it('are those of its record, free-form ones as they are written', async () => {
    const text = recordText({
      eventID: 'full',
      readOnly: 'true',
      sessionCredentialFromConsole: 'true',
      requestID: 'request',
      requestParameters: { deep: [{ a: '\u0000' }] },
      tlsDetails: { tlsVersion: 'TLSv1.3', cipherSuite: 7 },
      userIdentity: {
        type: 'AssumedRole',
        arn: 'arn:aws:sts::111111111111:assumed-role/admin/alice',
        sessionContext: {
          attributes: { creationDate: '2026-03-01T09:00:00Z', mfaAuthenticated: 'false' },
          sessionIssuer: { type: 'Role', userName: 'admin' },
          webIdFederationData: { federatedProvider: 'p', attributes: { n: 1 } },
        },
      },
    }).replace('"n":1', '"n": 1.50');
    const [id] = await record(text);
    const event = await read(id);
    expect(event).toMatchObject({
      id,
      raw: text,
      account: { id: ONE },
      source: 'import:i',
      readOnly: true,
      username: 'alice',
      sessionCredentialFromConsole: true,
      requestId: 'request',
      requestParameters: '{"deep":[{"a":"\\u0000"}]}',
      responseElements: null,
      tlsDetails: { tlsVersion: 'TLSv1.3', cipherSuite: null, keyExchange: null },
      addendum: null,
      userIdentity: {
        type: 'AssumedRole',
        sessionContext: {
          creationDate: '2026-03-01T09:00:00Z',
          mfaAuthenticated: false,
          sessionIssuer: { userName: 'admin', arn: null },
          webIdFederationData: { federatedProvider: 'p', attributes: '{"n": 1.50}' },
        },
      },
    });
  });

  it('survive records that are hostile or odd', async () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, index]));
    const texts = [
      recordText({ eventID: 'keys', requestParameters: many }),
      recordText({ eventID: 'proto' }).replace('{', '{"__proto__":{"eventName":"x"},"constructor":1,'),
      recordText({ eventID: 'half', userAgent: 'HALF' }).replace('HALF', '\\ud800'),
      recordText({ eventID: 'types', userIdentity: { type: 'x', sessionContext: [] }, tlsDetails: 'x' }),
      recordText({ eventID: 'control', errorCode: '\u0001\u007f' }),
    ];
    const ids = await record(...texts);
    const events = await Promise.all(ids.map((id) => read(id)));
    expect(events.map(({ raw }) => raw)).toEqual(texts);
    expect(events[2]?.['userAgent']).toSatisfy((value: string) => value.isWellFormed());
    expect(Object.keys({})).toEqual([]);
  });

  it('are told as erased when the journal no longer has them', async () => {
    await record(recordText({ eventID: 'gone' }));
    await cairn.settle();
    cairn.journal.erase(cairn.journal.events.length - 1);
    const query = `{ events(filter: { eventId: { equals: "gone" } }) { edges { node { eventId id raw userIdentity { type } } } } }`;
    const result = plain(await cairn.run(administrator, query));
    expect(result.codes).toEqual(['ERASED', 'ERASED']);
    expect(result.data).toMatchObject({
      events: { edges: [{ node: { eventId: 'gone', raw: null, userIdentity: null } }] },
    });
  });

  for (const folder of ['cloudtrail-invictus', 'aws-docs-examples']) {
    const path = new URL(`../../../shared/data/${folder}/`, import.meta.url);
    it.skipIf(!existsSync(path))(
      `read every record of ${folder} without an error`,
      async () => {
        const texts = readdirSync(path)
          .filter((name) => name.endsWith('.json'))
          .map((name) => JSON.parse(readFileSync(new URL(name, path), 'utf8')) as { Records?: object[] })
          .flatMap((file) => file.Records ?? [file])
          .map((one) => JSON.stringify(one));
        const ids = (await record(...texts)).filter((id) => id !== '');
        expect(ids.length).toBeGreaterThan(5);
        for (const id of ids) {
          const event = await read(id);
          const source = JSON.parse(String(event['raw'])) as Record<string, unknown>;
          const parameters = event['requestParameters'];
          expect(typeof parameters === 'string' ? JSON.parse(parameters) : null).toEqual(
            source['requestParameters'] ?? null,
          );
        }
      },
      60_000,
    );
  }
});
