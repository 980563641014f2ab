import type { EventResource, JsonObject, JsonValue } from '#domain/event';
import { indexedText, isObject, objectIn, textIn } from '#domain/event-values';

/** DeleteObjects may list 1,000; the words of the record still find those beyond. */
export const MAX_RESOURCES = 100;

/**
 * What LookupEvents shows for the commonest calls beyond resources[]: by event source, the request
 * parameters that name a resource. Where several kinds share a parameter (`name`), AWS decides by the call;
 * only parameters with one meaning are listed.
 */
const NAMED_BY_PARAMETER: ReadonlyMap<string, readonly (readonly [parameter: string, type: string])[]> =
  new Map([
    ['s3.amazonaws.com', [['bucketName', 'AWS::S3::Bucket']]],
    [
      'iam.amazonaws.com',
      [
        ['userName', 'AWS::IAM::User'],
        ['roleName', 'AWS::IAM::Role'],
        ['groupName', 'AWS::IAM::Group'],
        ['policyArn', 'AWS::IAM::Policy'],
        ['policyName', 'AWS::IAM::Policy'],
        ['instanceProfileName', 'AWS::IAM::InstanceProfile'],
        ['accessKeyId', 'AWS::IAM::AccessKey'],
      ],
    ],
    ['sts.amazonaws.com', [['roleArn', 'AWS::IAM::Role']]],
    [
      'ec2.amazonaws.com',
      [
        ['instanceId', 'AWS::EC2::Instance'],
        ['groupId', 'AWS::EC2::SecurityGroup'],
        ['volumeId', 'AWS::EC2::Volume'],
        ['snapshotId', 'AWS::EC2::Snapshot'],
        ['imageId', 'AWS::EC2::Image'],
        ['vpcId', 'AWS::EC2::VPC'],
        ['subnetId', 'AWS::EC2::Subnet'],
        ['keyName', 'AWS::EC2::KeyPair'],
      ],
    ],
    ['kms.amazonaws.com', [['keyId', 'AWS::KMS::Key']]],
    ['lambda.amazonaws.com', [['functionName', 'AWS::Lambda::Function']]],
    ['dynamodb.amazonaws.com', [['tableName', 'AWS::DynamoDB::Table']]],
    ['secretsmanager.amazonaws.com', [['secretId', 'AWS::SecretsManager::Secret']]],
    ['rds.amazonaws.com', [['dBInstanceIdentifier', 'AWS::RDS::DBInstance']]],
    ['sns.amazonaws.com', [['topicArn', 'AWS::SNS::Topic']]],
    ['logs.amazonaws.com', [['logGroupName', 'AWS::Logs::LogGroup']]],
    ['eks.amazonaws.com', [['clusterName', 'AWS::EKS::Cluster']]],
  ]);

/** The first MAX_RESOURCES resources of a record: resources[], then what its parameters name. */
export function eventResources(body: JsonObject, eventSource: string | undefined): readonly EventResource[] {
  const found: EventResource[] = [];
  const listed = body['resources'];
  if (Array.isArray(listed)) addListed(found, listed);
  const item = textIn(body, 'resourceType');
  if (item !== undefined) add(found, itemResource(body, item));
  const parameters = objectIn(body, 'requestParameters');
  if (parameters !== undefined && eventSource !== undefined) addNamed(found, parameters, eventSource);
  return found;
}

function addListed(found: EventResource[], listed: readonly JsonValue[]): void {
  for (const entry of listed) {
    if (found.length >= MAX_RESOURCES) return;
    if (!isObject(entry)) continue;
    const arn = textIn(entry, 'ARN') ?? textIn(entry, 'arn') ?? textIn(entry, 'ARNPrefix');
    const type = textIn(entry, 'type') ?? textIn(entry, 'resourceType');
    const name = textIn(entry, 'resourceName') ?? (arn === undefined ? undefined : nameOfArn(arn));
    if (arn !== undefined || type !== undefined || name !== undefined) found.push({ type, name, arn });
  }
}

/** A Config item is one resource. */
function itemResource(body: JsonObject, type: string): EventResource {
  const arn = textIn(body, 'arn') ?? textIn(body, 'ARN');
  return { type, name: textIn(body, 'resourceName') ?? textIn(body, 'resourceId'), arn };
}

function addNamed(found: EventResource[], parameters: JsonObject, eventSource: string): void {
  for (const [parameter, type] of NAMED_BY_PARAMETER.get(eventSource) ?? []) {
    addText(found, parameters[parameter], type);
  }
  if (eventSource === 'ec2.amazonaws.com') addInstances(found, parameters);
}

/** EC2 lists instances as instancesSet.items[].instanceId. */
function addInstances(found: EventResource[], parameters: JsonObject): void {
  const items = objectIn(parameters, 'instancesSet')?.['items'];
  if (!Array.isArray(items)) return;
  for (const item of items.slice(0, MAX_RESOURCES)) {
    if (isObject(item)) addText(found, item['instanceId'], 'AWS::EC2::Instance');
  }
}

function addText(found: EventResource[], value: JsonValue | undefined, type: string): void {
  const text = indexedText(value);
  if (text === undefined) return;
  const isArn = text.startsWith('arn:');
  add(found, { type, name: isArn ? nameOfArn(text) : text, arn: isArn ? text : undefined });
}

/** One that resources[] gave already, with its ARN, is not repeated. */
function add(found: EventResource[], resource: EventResource): void {
  if (found.length >= MAX_RESOURCES) return;
  if (found.some(({ type, name }) => type === resource.type && name === resource.name)) return;
  found.push(resource);
}

/**
 * The name in an ARN, `arn:partition:service:region:account:resource`: for S3 the whole resource (bucket, or
 * bucket/key), for IAM and STS what follows the last slash (paths are no part of a name), else what follows
 * the resource's type.
 */
export function nameOfArn(arn: string): string {
  const resource = resourcePart(arn);
  if (arn.startsWith('s3:', arn.indexOf(':', 4) + 1)) return resource;
  const isIdentity = /^arn:[^:]*:(?:iam|sts):/.test(arn);
  const cut = isIdentity ? resource.lastIndexOf('/') : resource.search(/[/:]/);
  const name = resource.slice(cut + 1);
  return name === '' ? resource : name;
}

function resourcePart(arn: string): string {
  let end = -1;
  for (let colons = 0; colons < 5; colons += 1) {
    end = arn.indexOf(':', end + 1);
    if (end === -1) return arn;
  }
  const resource = arn.slice(end + 1);
  return resource === '' ? arn : resource;
}
