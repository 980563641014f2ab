/** The text of a small management event; `changes` replace or add members, undefined takes one away. */
export function recordText(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    eventVersion: '1.11',
    userIdentity: { type: 'IAMUser', arn: 'arn:aws:iam::111111111111:user/alice', userName: 'alice' },
    eventTime: '2026-03-01T09:30:00Z',
    eventSource: 's3.amazonaws.com',
    eventName: 'GetObject',
    awsRegion: 'eu-central-1',
    sourceIPAddress: '192.0.2.10',
    userAgent: 'test',
    requestParameters: null,
    responseElements: null,
    eventID: 'e0000000-0000-4000-8000-000000000001',
    eventType: 'AwsApiCall',
    eventCategory: 'Management',
    recipientAccountId: '111111111111',
    ...changes,
  });
}

/** As many events, each with an id of its own. */
export function recordTexts(count: number, changes: Readonly<Record<string, unknown>> = {}): string[] {
  return Array.from({ length: count }, (_, index) => recordText({ eventID: `event-${index}`, ...changes }));
}
