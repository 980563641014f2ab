import { BROWSER, type AccountCast, type ActorKind } from '#domain/generator/cast';
import type { Random } from '#domain/generator/random';
import { formatTime, type RecordParts } from '#domain/generator/record';

type Details = Partial<
  Pick<RecordParts, 'parametersJson' | 'responseJson' | 'additionalJson' | 'resourcesJson' | 'type' | 'agent'>
>;

interface CallContext {
  readonly random: Random;
  readonly cast: AccountCast;
  readonly region: string;
  readonly time: number;
}

/** One kind of call, how often whom makes it, and what its record says. */
export interface Call {
  readonly source: string;
  readonly name: string;
  readonly readOnly: boolean;
  readonly isData: boolean;
  readonly weight: Readonly<Partial<Record<ActorKind, number>>>;
  readonly details: (context: CallContext) => Details;
  /** What this call may fail with besides AccessDenied. */
  readonly failure?: { readonly code: string; readonly message: string } | undefined;
}

const NOTHING: Details = {};

function read(service: string, name: string, weight: Call['weight'], details?: Call['details']): Call {
  return {
    source: `${service}.amazonaws.com`,
    name,
    readOnly: true,
    isData: false,
    weight,
    details: details ?? (() => NOTHING),
  };
}

function write(service: string, name: string, weight: Call['weight'], details?: Call['details']): Call {
  return { ...read(service, name, weight, details), readOnly: false };
}

const bucket = ({ random, cast }: CallContext): string => random.pickSkewed(cast.buckets);
const instance = ({ random, cast }: CallContext): string => random.pickSkewed(cast.instances);

function inBucket(context: CallContext): Details {
  const name = bucket(context);
  return {
    parametersJson: `{"bucketName":"${name}","Host":"${name}.s3.${context.region}.amazonaws.com"}`,
    additionalJson: s3Additional(context.random),
    resourcesJson: `[{"accountId":"${context.cast.account}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::${name}"}]`,
  };
}

function onObject(context: CallContext): Details {
  const { random, cast } = context;
  const name = bucket(context);
  const key = `${2020 + random.below(7)}/${1 + random.below(12)}/part-${random.skewed(5000)}.parquet`;
  return {
    parametersJson: `{"bucketName":"${name}","Host":"${name}.s3.${context.region}.amazonaws.com","key":"${key}"}`,
    additionalJson: s3Additional(random),
    resourcesJson:
      `[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::${name}/${key}"},` +
      `{"accountId":"${cast.account}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::${name}"}]`,
  };
}

export function s3Additional(random: Random): string {
  return (
    '{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":' +
    `${random.below(4) * 128},"AuthenticationMethod":"AuthHeader","x-amz-id-2":"${random.hex(64)}=",` +
    `"bytesTransferredOut":${random.below(100_000)}}`
  );
}

function onInstance(context: CallContext): Details {
  return {
    parametersJson: `{"instancesSet":{"items":[{"instanceId":"${instance(context)}"}]},"filterSet":{}}`,
  };
}

function withState(from: string, to: string): Call['details'] {
  return (context) => {
    const id = instance(context);
    return {
      parametersJson: `{"instancesSet":{"items":[{"instanceId":"${id}"}]},"force":false}`,
      responseJson:
        `{"requestId":"${context.random.uuid()}","instancesSet":{"items":[{"instanceId":"${id}",` +
        `"currentState":{"code":${to === 'stopping' ? 64 : 0},"name":"${to}"},` +
        `"previousState":{"code":16,"name":"${from}"}}]}}`,
    };
  };
}

function withKey({ random, cast, region }: CallContext): Details {
  const arn = `arn:aws:kms:${region}:${cast.account}:key/${random.pickSkewed(cast.keys)}`;
  const bucketArn = `arn:aws:s3:::${random.pickSkewed(cast.buckets)}`;
  return {
    parametersJson: `{"encryptionContext":{"aws:s3:arn":"${bucketArn}"},"keyId":"${arn}","keySpec":"AES_256"}`,
    resourcesJson: `[{"accountId":"${cast.account}","type":"AWS::KMS::Key","ARN":"${arn}"}]`,
  };
}

function assumeRole({ random, cast, time }: CallContext): Details {
  const role = random.pick(['checkout-web', 'orders-api', 'terraform', 'nightly-backup', 'eks-nodes']);
  const arn = `arn:aws:iam::${cast.account}:role/${role}`;
  const session = random.pickSkewed(cast.instances);
  return {
    parametersJson: `{"roleArn":"${arn}","roleSessionName":"${session}","durationSeconds":3600}`,
    responseJson:
      `{"credentials":{"accessKeyId":"ASIA${random.id(16)}","sessionToken":"${random.hex(96)}",` +
      `"expiration":"${formatTime(time + 3_600_000)}"},"assumedRoleUser":{"assumedRoleId":` +
      `"AROA${random.id(17)}:${session}","arn":"arn:aws:sts::${cast.account}:assumed-role/${role}/${session}"}}`,
    resourcesJson: `[{"accountId":"${cast.account}","type":"AWS::IAM::Role","ARN":"${arn}"}]`,
  };
}

function invoke({ random, cast, region }: CallContext): Details {
  const arn = `arn:aws:lambda:${region}:${cast.account}:function:${random.pickSkewed(cast.functions)}`;
  return {
    parametersJson: `{"functionName":"${arn}","invocationType":"Event"}`,
    additionalJson: `{"customerEniProvided":false,"functionVersion":"${arn}:$LATEST"}`,
    resourcesJson: `[{"accountId":"${cast.account}","type":"AWS::Lambda::Function","ARN":"${arn}"}]`,
  };
}

function onTable({ random, cast, region }: CallContext): Details {
  const table = random.pickSkewed(cast.tables);
  const arn = `arn:aws:dynamodb:${region}:${cast.account}:table/${table}`;
  return {
    parametersJson: `{"tableName":"${table}","key":{"pk":"HIDDEN_DUE_TO_SECURITY_REASONS"},"consistentRead":false}`,
    resourcesJson: `[{"accountId":"${cast.account}","type":"AWS::DynamoDB::Table","ARN":"${arn}"}]`,
  };
}

function logStream({ random, cast, time }: CallContext): Details {
  const group = `/aws/lambda/${random.pickSkewed(cast.functions)}`;
  const day = formatTime(time).slice(0, 10).replaceAll('-', '/');
  return {
    parametersJson: `{"logGroupName":"${group}","logStreamName":"${day}/[$LATEST]${random.hex(32)}"}`,
  };
}

const secret = ({ random }: CallContext): Details => ({
  parametersJson: `{"secretId":"prod/${random.pick(['db', 'stripe', 'smtp', 'github'])}","versionStage":"AWSCURRENT"}`,
});

export const CONSOLE_LOGIN: Details = {
  type: 'AwsConsoleSignIn',
  agent: BROWSER,
  responseJson: '{"ConsoleLogin":"Success"}',
  additionalJson:
    '{"LoginTo":"https://console.aws.amazon.com/console/home","MobileVersion":"No","MFAUsed":"Yes"}',
};

const user = ({ cast, random }: CallContext): Details => ({
  parametersJson: `{"userName":"${random.pick(cast.people).name}"}`,
});

const item = { code: 'ResourceNotFoundException', message: 'Requested resource not found' };
const object = { code: 'NoSuchKey', message: 'The specified key does not exist.' };
const busy = { code: 'Client.RequestLimitExceeded', message: 'Request limit exceeded.' };

/** What an ordinary month holds: mostly reads, mostly programs, a few calls that matter. */
export const CALLS: readonly Call[] = [
  { ...read('ec2', 'DescribeInstances', { person: 90, program: 160 }, onInstance), failure: busy },
  read('sts', 'GetCallerIdentity', { person: 60, program: 120 }),
  read('sts', 'AssumeRole', { program: 60, service: 400 }, assumeRole),
  read('s3', 'ListBuckets', { person: 50, program: 30 }),
  read('s3', 'GetBucketAcl', { person: 15, program: 20, service: 120 }, inBucket),
  read('s3', 'GetBucketLocation', { person: 25, program: 40 }, inBucket),
  read('s3', 'GetBucketPolicyStatus', { person: 15, service: 30 }, inBucket),
  { ...read('s3', 'GetObject', { person: 20, program: 260 }, onObject), isData: true, failure: object },
  { ...write('s3', 'PutObject', { person: 8, program: 170 }, onObject), isData: true },
  { ...write('s3', 'DeleteObject', { person: 3, program: 25 }, onObject), isData: true },
  { ...write('lambda', 'Invoke', { program: 120, service: 60 }, invoke), isData: true },
  { ...read('dynamodb', 'GetItem', { program: 90 }, onTable), isData: true, failure: item },
  { ...write('dynamodb', 'PutItem', { program: 50 }, onTable), isData: true },
  read('kms', 'Decrypt', { program: 150, service: 60 }, withKey),
  read('kms', 'GenerateDataKey', { program: 60, service: 80 }, withKey),
  write('logs', 'CreateLogStream', { program: 60, service: 10 }, logStream),
  read('logs', 'FilterLogEvents', { person: 30, program: 10 }, logStream),
  read('cloudwatch', 'DescribeAlarms', { person: 30, program: 60 }),
  read('autoscaling', 'DescribeAutoScalingGroups', { person: 8, program: 40, service: 20 }),
  read('elasticloadbalancing', 'DescribeTargetHealth', { program: 45, service: 30 }),
  read('ec2', 'DescribeSecurityGroups', { person: 30, program: 25, service: 20 }),
  read('ec2', 'DescribeVolumes', { person: 12, program: 25 }),
  write('ec2', 'StartInstances', { person: 6, program: 3 }, withState('stopped', 'pending')),
  write('ec2', 'StopInstances', { person: 6, program: 3 }, withState('running', 'stopping')),
  write('ec2', 'CreateTags', { person: 5, program: 25 }, onInstance),
  { ...read('secretsmanager', 'GetSecretValue', { person: 3, program: 60 }, secret), failure: item },
  read('iam', 'ListUsers', { person: 20, program: 6 }),
  read('iam', 'GetUser', { person: 25, program: 4 }, user),
  read('iam', 'ListAttachedUserPolicies', { person: 8, program: 4 }, user),
  read('iam', 'ListAccessKeys', { person: 9, program: 3 }, user),
  read('cloudtrail', 'LookupEvents', { person: 10, program: 4 }),
  read('cloudtrail', 'DescribeTrails', { person: 8, program: 8, service: 10 }),
  read('rds', 'DescribeDBInstances', { person: 18, program: 25 }),
  read('ecs', 'DescribeServices', { person: 14, program: 35 }),
  read('eks', 'DescribeCluster', { person: 8, program: 20 }),
  read('route53', 'ListHostedZones', { person: 8, program: 6 }),
  read('health', 'DescribeEventAggregates', { person: 40 }),
  write('signin', 'ConsoleLogin', { person: 25 }, () => CONSOLE_LOGIN),
  read('ce', 'GetCostAndUsage', { person: 9 }),
];
