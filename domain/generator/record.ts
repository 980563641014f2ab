/** The parts of one record that differ from call to call. Names ending in Json are JSON texts. */
export interface RecordParts {
  readonly identityJson: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly source: string;
  readonly name: string;
  readonly region: string;
  readonly ip: string;
  readonly agent: string;
  /** A refused sign-in has a message only. */
  readonly error?: { readonly code?: string; readonly message: string } | undefined;
  readonly parametersJson: string;
  readonly responseJson: string;
  readonly additionalJson?: string | undefined;
  readonly requestId: string;
  readonly eventId: string;
  readonly readOnly: boolean;
  readonly resourcesJson?: string | undefined;
  readonly type?: string | undefined;
  readonly isData?: boolean | undefined;
  readonly account: string;
  /** Undefined for calls that came from inside AWS. */
  readonly host?: string | undefined;
}

/** A CloudTrail record of version 1.11, its members in AWS's order. Text parts need no escapes but `agent`'s. */
export function formatRecord(parts: RecordParts): string {
  return (
    `{"eventVersion":"1.11","userIdentity":${parts.identityJson},"eventTime":"${formatTime(parts.time)}",` +
    `"eventSource":"${parts.source}","eventName":"${parts.name}","awsRegion":"${parts.region}",` +
    `"sourceIPAddress":"${parts.ip}","userAgent":"${parts.agent}",${errorJson(parts.error)}` +
    `"requestParameters":${parts.parametersJson},"responseElements":${parts.responseJson},` +
    `${optional('additionalEventData', parts.additionalJson)}"requestID":"${parts.requestId}",` +
    `"eventID":"${parts.eventId}","readOnly":${parts.readOnly},${optional('resources', parts.resourcesJson)}` +
    `"eventType":"${parts.type ?? 'AwsApiCall'}","managementEvent":${parts.isData !== true},` +
    `"recipientAccountId":"${parts.account}","eventCategory":"${parts.isData === true ? 'Data' : 'Management'}"` +
    `${tlsJson(parts.host)}}`
  );
}

/** Services without regions: their records lie in us-east-1. */
const GLOBAL: ReadonlySet<string> = new Set(['iam', 'organizations', 'route53', 'ce', 'health', 'signin']);

/** Where a service (`ec2`) is called by someone whose home is `region`, and by which host name. */
export function endpointOf(service: string, region: string): Pick<RecordParts, 'region' | 'host'> {
  if (service === 'signin') return { region: 'us-east-1', host: 'us-east-1.signin.aws.amazon.com' };
  if (GLOBAL.has(service)) return { region: 'us-east-1', host: `${service}.amazonaws.com` };
  return { region, host: `${service}.${region}.amazonaws.com` };
}

/** CloudTrail's times have whole seconds. */
export function formatTime(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

function optional(name: string, json: string | undefined): string {
  return json === undefined ? '' : `"${name}":${json},`;
}

function errorJson(error: RecordParts['error']): string {
  if (error === undefined) return '';
  const code = error.code === undefined ? '' : `"errorCode":"${error.code}",`;
  return `${code}"errorMessage":${JSON.stringify(error.message)},`;
}

function tlsJson(host: string | undefined): string {
  if (host === undefined) return '';
  return (
    ',"tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256",' +
    `"clientProvidedHostHeader":"${host}"}`
  );
}
