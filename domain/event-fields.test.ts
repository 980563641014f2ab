import { describe, expect, it } from 'vitest';
import type { JsonObject } from '#domain/event';
import { indexedFields } from '#domain/event-fields';
import { MAX_RESOURCES, nameOfArn } from '#domain/event-resources';

const ENVELOPE = { eventId: 'e', eventTime: 0, account: '111122223333' };
const fieldsOf = (record: JsonObject) => indexedFields(record, ENVELOPE);

describe('indexedFields', () => {
  it('takes the values of a CloudTrail record', () => {
    const fields = fieldsOf({
      userIdentity: {
        type: 'IAMUser',
        userName: 'alice',
        arn: 'arn:aws:iam::1:user/alice',
        accessKeyId: 'AKIAEXAMPLE',
      },
      eventSource: 's3.amazonaws.com',
      eventName: 'GetObject',
      awsRegion: 'eu-west-1',
      sourceIPAddress: '203.0.113.7',
      userAgent: 'aws-cli',
      errorCode: 'AccessDenied',
      readOnly: true,
      eventCategory: 'Data',
    });
    expect(fields).toEqual({
      ...ENVELOPE,
      eventName: 'GetObject',
      eventSource: 's3.amazonaws.com',
      readOnly: true,
      username: 'alice',
      principalArn: 'arn:aws:iam::1:user/alice',
      accessKeyId: 'AKIAEXAMPLE',
      resources: [],
      region: 'eu-west-1',
      sourceIPAddress: '203.0.113.7',
      userAgent: 'aws-cli',
      errorCode: 'AccessDenied',
      category: 'Data',
    });
  });

  it.each<[string, JsonObject, string | undefined]>([
    ['the root user', { type: 'Root', userName: 'my-alias' }, 'root'],
    ['a user', { type: 'IAMUser', userName: 'alice' }, 'alice'],
    ['a user without a name', { type: 'IAMUser', arn: 'arn:aws:iam::1:user/ops/bob' }, 'bob'],
    ['a role session', { type: 'AssumedRole', arn: 'arn:aws:sts::1:assumed-role/Admin/carol' }, 'carol'],
    ['a role session by principalId', { type: 'AssumedRole', principalId: 'AROAX:i-0abc' }, 'i-0abc'],
    [
      'a role session by its issuer only',
      { type: 'AssumedRole', sessionContext: { sessionIssuer: { userName: 'Admin' } } },
      'Admin',
    ],
    ['a federated user', { type: 'FederatedUser', arn: 'arn:aws:sts::1:federated-user/dave' }, 'dave'],
    ['a service', { type: 'AWSService', invokedBy: 'ec2.amazonaws.com' }, 'ec2.amazonaws.com'],
    ['AWS itself', { accountId: '1', invokedBy: 'AWS Internal' }, 'AWS Internal'],
    ['another account', { type: 'AWSAccount', principalId: 'AIDAEXAMPLE' }, 'AIDAEXAMPLE'],
    ["a partner's principal", { type: 'Person', principalId: 'eve@example.com' }, 'eve@example.com'],
    ['nobody', {}, undefined],
    ['names that are none', { type: 'IAMUser', userName: '', principalId: 7 }, undefined],
  ])('names %s', (_, userIdentity, expected) => {
    expect(fieldsOf({ userIdentity }).username).toBe(expected);
  });

  it('finds an Insight by the call that it is about', () => {
    const insightDetails = { eventSource: 'ec2.amazonaws.com', eventName: 'RunInstances', errorCode: 'X' };
    expect(fieldsOf({ insightDetails })).toMatchObject({ ...insightDetails, category: 'Insight' });
    const flat = {
      eventCategory: 'Insight',
      insightEventSource: 'a',
      insightEventName: 'b',
      insightErrorCode: 'c',
    };
    expect(fieldsOf(flat)).toMatchObject({ eventSource: 'a', eventName: 'b', errorCode: 'c' });
  });

  it('looks into eventData of partner records and Config items, not of others', () => {
    const eventData = {
      eventName: 'Login',
      sourceIPAddress: '192.0.2.1',
      userIdentity: { principalId: 'p' },
    };
    const partner = { eventCategory: 'ActivityAuditLog', awsRegion: 'us-east-1', eventData };
    expect(fieldsOf(partner)).toMatchObject({ eventName: 'Login', username: 'p', region: 'us-east-1' });
    const item = {
      resourceType: 'AWS::S3::Bucket',
      resourceId: 'id',
      resourceName: 'logs',
      arn: 'arn:aws:s3:::logs',
    };
    expect(fieldsOf({ eventCategory: 'ConfigurationItem', eventData: item }).resources).toEqual([
      { type: 'AWS::S3::Bucket', name: 'logs', arn: 'arn:aws:s3:::logs' },
    ]);
    expect(fieldsOf({ eventName: 'A', eventData })).toMatchObject({ eventName: 'A', username: undefined });
  });

  it('reads readOnly as exporters write it', () => {
    expect(
      ['true', 'false', true, false, 1, null].map((readOnly) => fieldsOf({ readOnly }).readOnly),
    ).toEqual([true, false, true, false, undefined, undefined]);
  });

  it('treats values of the wrong type and empty ones as absent, and cuts those beyond every filter', () => {
    const fields = fieldsOf({
      eventName: 7,
      errorCode: '',
      userAgent: 'x'.repeat(5000),
      userIdentity: 'alice',
    });
    expect(fields).toMatchObject({ eventName: undefined, errorCode: undefined, username: undefined });
    expect(fields.userAgent).toHaveLength(2049);
  });
});

describe('resources', () => {
  it('come from resources[] and from the parameters that name one', () => {
    const { resources } = fieldsOf({
      eventSource: 's3.amazonaws.com',
      requestParameters: { bucketName: 'logs' },
      resources: [
        { ARN: 'arn:aws:s3:::logs', accountId: '1', type: 'AWS::S3::Bucket' },
        { type: 'AWS::S3::Object', ARN: 'arn:aws:s3:::logs/a/b' },
        7,
        {},
      ],
    });
    expect(resources).toEqual([
      { type: 'AWS::S3::Bucket', name: 'logs', arn: 'arn:aws:s3:::logs' },
      { type: 'AWS::S3::Object', name: 'logs/a/b', arn: 'arn:aws:s3:::logs/a/b' },
    ]);
  });

  it('name instances and roles', () => {
    const items = [{ instanceId: 'i-1' }, { instanceId: 'i-2' }, null];
    const ec2 = { eventSource: 'ec2.amazonaws.com', requestParameters: { instancesSet: { items } } };
    expect(fieldsOf(ec2).resources.map(({ name }) => name)).toEqual(['i-1', 'i-2']);
    const roleArn = 'arn:aws:iam::1:role/path/Admin';
    const sts = { eventSource: 'sts.amazonaws.com', requestParameters: { roleArn } };
    expect(fieldsOf(sts).resources).toEqual([{ type: 'AWS::IAM::Role', name: 'Admin', arn: roleArn }]);
  });

  it('are bounded', () => {
    const resources = Array.from({ length: 5000 }, (_, i) => ({ ARN: `arn:aws:s3:::b/${i}` }));
    expect(fieldsOf({ resources }).resources).toHaveLength(MAX_RESOURCES);
  });

  it.each([
    ['arn:aws:s3:::bucket', 'bucket'],
    ['arn:aws:s3:::bucket/some/key', 'bucket/some/key'],
    ['arn:aws:iam::1:user/alice', 'alice'],
    ['arn:aws:iam::1:root', 'root'],
    ['arn:aws-cn:iam::1:role/service-role/x', 'x'],
    ['arn:aws:sts::1:assumed-role/Admin/carol', 'carol'],
    ['arn:aws:kms:us-east-1:1:key/7944f0ec', '7944f0ec'],
    ['arn:aws:lambda:us-east-1:1:function:hello', 'hello'],
    ['arn:aws:sns:us-east-1:1:alerts', 'alerts'],
    ['arn:aws:dynamodb:us-east-1:1:table/Orders', 'Orders'],
    ['arn:aws:x:::thing/', 'thing/'],
    ['no arn', 'no arn'],
    ['arn:', 'arn:'],
  ])('%s is named %s', (arn, name) => {
    expect(nameOfArn(arn)).toBe(name);
  });
});
