import { CONSOLE_LOGIN, s3Additional } from '#domain/generator/calls';
import { BROWSER, type AccountCast, type Actor } from '#domain/generator/cast';
import { denied } from '#domain/generator/events';
import type { Random } from '#domain/generator/random';
import { endpointOf, formatRecord, formatTime, type RecordParts } from '#domain/generator/record';

/** Something in the demonstration month that a security engineer should find. */
export interface Incident {
  readonly title: string;
  /** A filter expression (domain/filter/expression.ts) whose first page shows it. */
  readonly filter: string;
  readonly events: readonly string[];
}

export interface Stage {
  readonly random: Random;
  readonly cast: AccountCast;
}

interface Step {
  readonly at: number;
  readonly actor: Actor;
  readonly call: `${string}:${string}`;
  readonly more?: Partial<RecordParts>;
}

const MINUTE = 60_000;
/** RFC 5737 TEST-NET-1: nobody in the cast comes from there. */
const STRANGER = '192.0.2.66';
const STRANGER_AGENT = 'python-requests/2.32.4';

/** All incidents, each beginning at its time (milliseconds since 1970), in the order of the list. */
export function stageIncidents(stage: Stage, beginnings: readonly number[]): readonly Incident[] {
  return INCIDENTS.map((play, index) => play(stage, beginnings[index] ?? 0));
}

const INCIDENTS: readonly ((stage: Stage, at: number) => Incident)[] = [
  rootWithoutMfa,
  keyUsedElsewhere,
  trailStopped,
  bucketMadePublic,
  probing,
  massDownload,
  passwordGuessing,
  portOpened,
  snapshotShared,
];
export const INCIDENT_COUNT = INCIDENTS.length;

function play({ random, cast }: Stage, { at, actor, call, more = {} }: Step): string {
  const [service = '', name = ''] = call.split(':');
  return formatRecord({
    identityJson: actor.identityAt(at),
    time: at,
    source: `${service}.amazonaws.com`,
    name,
    ip: actor.ip,
    agent: actor.agent,
    parametersJson: 'null',
    responseJson: 'null',
    requestId: random.uuid(),
    eventId: random.uuid(),
    readOnly: /^(?:Get|List|Describe)/.test(name),
    account: cast.account,
    ...endpointOf(service, actor.region),
    ...more,
  });
}

function rootOf({ cast }: Stage): Actor {
  const arn = `arn:aws:iam::${cast.account}:root`;
  const identity = `{"type":"Root","principalId":"${cast.account}","arn":"${arn}","accountId":"${cast.account}","accessKeyId":""}`;
  const [person] = cast.people;
  return {
    ...person,
    name: 'root',
    arn,
    region: 'us-east-1',
    ip: '198.51.100.231',
    agent: BROWSER,
    identityAt: () => identity,
  };
}

function rootWithoutMfa(stage: Stage, at: number): Incident {
  const actor = rootOf(stage);
  const additionalJson = CONSOLE_LOGIN.additionalJson?.replace('"MFAUsed":"Yes"', '"MFAUsed":"No"');
  return {
    title: 'The root user signs in without MFA',
    filter: 'eventName=ConsoleLogin and username=root',
    events: [
      play(stage, { at, actor, call: 'signin:ConsoleLogin', more: { ...CONSOLE_LOGIN, additionalJson } }),
      play(stage, { at: at + 2 * MINUTE, actor, call: 'iam:GetAccountSummary' }),
      play(stage, { at: at + 3 * MINUTE, actor, call: 'iam:ListVirtualMFADevices' }),
    ],
  };
}

function keyUsedElsewhere(stage: Stage, at: number): Incident {
  const { random, cast } = stage;
  const [owner] = cast.people;
  const key = `AKIA${random.id(16)}`;
  const identity = owner.identityAt(at).replace(/"accessKeyId":"[^"]*"/, `"accessKeyId":"${key}"`);
  const thief: Actor = { ...owner, ip: STRANGER, agent: STRANGER_AGENT, identityAt: () => identity };
  const more = {
    parametersJson: `{"userName":"${owner.name}"}`,
    responseJson: `{"accessKey":{"userName":"${owner.name}","accessKeyId":"${key}","status":"Active","createDate":"${formatTime(at)}"}}`,
  };
  const calls = [
    'sts:GetCallerIdentity',
    's3:ListBuckets',
    'iam:ListUsers',
    'iam:ListRoles',
    'ec2:DescribeInstances',
  ] as const;
  return {
    title: 'An access key is created, and used from elsewhere minutes later',
    filter: `sourceIPAddress=${STRANGER} and accessKeyId=${key}`,
    events: [
      play(stage, { at, actor: owner, call: 'iam:CreateAccessKey', more }),
      ...calls.map((call, i) => play(stage, { at: at + (17 + i) * MINUTE, actor: thief, call })),
    ],
  };
}

function trailStopped(stage: Stage, at: number): Incident {
  const person = stage.cast.people[1] ?? stage.cast.people[0];
  const actor: Actor = { ...person, region: 'us-east-1' };
  const arn = `arn:aws:cloudtrail:us-east-1:${stage.cast.account}:trail/organization`;
  const more = { parametersJson: `{"name":"${arn}"}` };
  return {
    title: 'A trail is stopped for 43 minutes',
    filter: 'eventName in (StopLogging, StartLogging)',
    events: [
      play(stage, { at, actor, call: 'cloudtrail:StopLogging', more }),
      play(stage, { at: at + 43 * MINUTE, actor, call: 'cloudtrail:StartLogging', more }),
    ],
  };
}

function bucketMadePublic(stage: Stage, at: number): Incident {
  const { cast, random } = stage;
  const actor = cast.people[2] ?? cast.people[0];
  const name = `example-invoices-${cast.account.slice(0, 4)}`;
  const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::${name}/*"}]}`;
  const more = {
    parametersJson: `{"bucketName":"${name}","Host":"${name}.s3.amazonaws.com"}`,
    additionalJson: s3Additional(random),
    resourcesJson: `[{"accountId":"${cast.account}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::${name}"}]`,
  };
  const withPolicy = { ...more, parametersJson: `{"bucketPolicy":${policy},"bucketName":"${name}"}` };
  return {
    title: 'A bucket of invoices is opened to everyone',
    filter: `resourceName=${name} and eventName in (DeleteBucketPublicAccessBlock, PutBucketPolicy)`,
    events: [
      play(stage, { at, actor, call: 's3:DeleteBucketPublicAccessBlock', more }),
      play(stage, { at: at + MINUTE, actor, call: 's3:PutBucketPolicy', more: withPolicy }),
    ],
  };
}

const PROBES = [
  'iam:ListUsers',
  'iam:ListRoles',
  'secretsmanager:ListSecrets',
  's3:ListBuckets',
  'kms:ListKeys',
  'organizations:ListAccounts',
  'rds:DescribeDBInstances',
  'ssm:DescribeParameters',
] as const;

function probing(stage: Stage, at: number): Incident {
  const { cast, random } = stage;
  const actor = cast.programs[1] ?? cast.programs[0];
  const events = Array.from({ length: 64 }, (_, i) => {
    const call = random.pick(PROBES);
    const [service = '', name = ''] = call.split(':');
    const error = denied(actor.arn ?? '', { source: `${service}.amazonaws.com`, name });
    return play(stage, { at: at + i * 2_700, actor, call, more: { error } });
  });
  return {
    title: 'A web server suddenly tries what it may not: 64 refusals in three minutes',
    filter: `errorCode=AccessDenied and username=${actor.name}`,
    events,
  };
}

function massDownload(stage: Stage, at: number): Incident {
  const { cast, random } = stage;
  const [owner] = cast.people;
  const thief: Actor = { ...owner, ip: STRANGER, agent: STRANGER_AGENT };
  const name = `example-exports-${cast.account.slice(0, 4)}`;
  const events = Array.from({ length: 90 }, (_, i) => {
    const key = `customers/2026/export-${String(i).padStart(4, '0')}.csv.gz`;
    const more = {
      isData: true,
      parametersJson: `{"bucketName":"${name}","Host":"${name}.s3.amazonaws.com","key":"${key}"}`,
      additionalJson: s3Additional(random),
      resourcesJson:
        `[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::${name}/${key}"},` +
        `{"accountId":"${cast.account}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::${name}"}]`,
    };
    return play(stage, { at: at + i * 3_300, actor: thief, call: 's3:GetObject', more });
  });
  return {
    title: '90 files of customer data are downloaded in five minutes',
    filter: `sourceIPAddress=${STRANGER} and eventName=GetObject`,
    events,
  };
}

function passwordGuessing(stage: Stage, at: number): Incident {
  const [victim] = stage.cast.people.filter(({ arn }) => arn?.includes(':user/')).slice(-1);
  const person = victim ?? stage.cast.people[0];
  // A sign-in uses no access key.
  const identity = person.identityAt(at).replace(/"accessKeyId":"[^"]*"/, '"accessKeyId":""');
  const actor: Actor = { ...person, ip: '192.0.2.140', identityAt: () => identity };
  const call = 'signin:ConsoleLogin';
  const additionalJson = CONSOLE_LOGIN.additionalJson?.replace('"MFAUsed":"Yes"', '"MFAUsed":"No"');
  const failure = {
    ...CONSOLE_LOGIN,
    additionalJson,
    responseJson: '{"ConsoleLogin":"Failure"}',
    error: { message: 'Failed authentication' },
  };
  const failures = Array.from({ length: 14 }, (_, i) =>
    play(stage, { at: at + i * 21_000, actor, call, more: failure }),
  );
  const success = { ...CONSOLE_LOGIN, additionalJson };
  return {
    title: 'A password is guessed: 14 failures, then a sign-in',
    filter: 'eventName=ConsoleLogin and sourceIPAddress in 192.0.2.0/24',
    events: [...failures, play(stage, { at: at + 6 * MINUTE, actor, call, more: success })],
  };
}

function portOpened(stage: Stage, at: number): Incident {
  const actor = stage.cast.people[3] ?? stage.cast.people[0];
  const permission =
    '{"ipProtocol":"tcp","fromPort":22,"toPort":22,"groups":{},"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}';
  const more = {
    parametersJson: `{"groupId":"sg-0${stage.random.hex(16)}","ipPermissions":{"items":[${permission}]}}`,
    responseJson: `{"requestId":"${stage.random.uuid()}","_return":true}`,
  };
  return {
    title: 'SSH is opened to the whole internet',
    filter: 'eventName=AuthorizeSecurityGroupIngress and "0.0.0.0"',
    events: [play(stage, { at, actor, call: 'ec2:AuthorizeSecurityGroupIngress', more })],
  };
}

function snapshotShared(stage: Stage, at: number): Incident {
  const actor = stage.cast.people[1] ?? stage.cast.people[0];
  const grant = '{"add":{"items":[{"userId":"999999999999"}]}}';
  const more = {
    parametersJson: `{"snapshotId":"snap-0${stage.random.hex(16)}","createVolumePermission":${grant},"attributeType":"CREATE_VOLUME_PERMISSION"}`,
    responseJson: `{"requestId":"${stage.random.uuid()}","_return":true}`,
  };
  return {
    title: 'A disk snapshot is shared with an account that nobody knows',
    filter: 'eventName=ModifySnapshotAttribute and "999999999999"',
    events: [play(stage, { at, actor, call: 'ec2:ModifySnapshotAttribute', more })],
  };
}
