import { CairnError } from '#domain/errors';
import type { IndexedFields } from '#domain/event';
import type { EventRecord } from '#subgraphs/events/event-record';
import { jsonMembers } from '#subgraphs/events/json-members';
import { textsOf } from '#subgraphs/events/record-values';

/** Loads the record behind a node; undefined when it was erased. */
export type RecordLoader = () => Promise<EventRecord | undefined>;

const TLS = ['tlsVersion', 'cipherSuite', 'clientProvidedHostHeader', 'keyExchange'] as const;
const ADDENDUM = ['reason', 'updatedFields', 'originalRequestID', 'originalEventID', 'originalUID'] as const;
const INSIGHT = ['state', 'eventSource', 'eventName', 'errorCode', 'insightType'] as const;
const WINDOW = ['windowStart', 'windowEnd', 'windowSize'] as const;
const METADATA = ['ingestionTime', 'channelARN'] as const;

/**
 * An event as GraphQL asks for it: what lists show is there at once, the rest is read from the journal when it
 * is asked for. The getters are the fields of the same names in schema/event.ts.
 */
export class EventNode {
  constructor(
    readonly id: string,
    readonly fields: IndexedFields,
    private readonly load: RecordLoader,
  ) {}

  get eventId() {
    return this.fields.eventId;
  }
  get eventTime() {
    return this.fields.eventTime;
  }
  get eventName() {
    return this.fields.eventName;
  }
  get eventSource() {
    return this.fields.eventSource;
  }
  get readOnly() {
    return this.fields.readOnly;
  }
  get username() {
    return this.fields.username;
  }
  get principalArn() {
    return this.fields.principalArn;
  }
  get accessKeyId() {
    return this.fields.accessKeyId;
  }
  get resources() {
    return this.fields.resources;
  }
  get sourceIPAddress() {
    return this.fields.sourceIPAddress;
  }
  get userAgent() {
    return this.fields.userAgent;
  }
  get errorCode() {
    return this.fields.errorCode;
  }
  get eventCategory() {
    return this.fields.category;
  }
  get awsRegion() {
    return this.fields.region;
  }
  get eventVersion() {
    return this.text('eventVersion');
  }
  get errorMessage() {
    return this.text('errorMessage');
  }
  get eventType() {
    return this.text('eventType');
  }
  get apiVersion() {
    return this.text('apiVersion');
  }
  get recipientAccountId() {
    return this.text('recipientAccountId');
  }
  get vpcEndpointId() {
    return this.text('vpcEndpointId');
  }
  get vpcEndpointAccountId() {
    return this.text('vpcEndpointAccountId');
  }
  get requestId() {
    return this.text('requestID');
  }
  get sharedEventId() {
    return this.text('sharedEventID');
  }
  get managementEvent() {
    return this.flag('managementEvent');
  }
  get sessionCredentialFromConsole() {
    return this.flag('sessionCredentialFromConsole');
  }
  get requestParameters() {
    return this.json('requestParameters');
  }
  get responseElements() {
    return this.json('responseElements');
  }
  get additionalEventData() {
    return this.json('additionalEventData');
  }
  get serviceEventDetails() {
    return this.json('serviceEventDetails');
  }
  get edgeDeviceDetails() {
    return this.json('edgeDeviceDetails');
  }
  get eventContext() {
    return this.json('eventContext');
  }
  get annotation() {
    return this.json('annotation');
  }
  get summary() {
    return this.json('summary');
  }
  get eventData() {
    return this.json('eventData');
  }

  get accountId() {
    return this.fields.account;
  }
  get account() {
    return { id: this.fields.account };
  }
  get raw(): Promise<string> {
    return this.ask((record) => record.raw);
  }
  get receivedAt(): Promise<number> {
    return this.ask((record) => record.event.receivedAt);
  }
  get source(): Promise<string> {
    return this.ask((record) => record.event.source);
  }
  get userIdentity() {
    return this.ask((record) => record.userIdentity);
  }
  get tlsDetails() {
    return this.ask((record) => textsOf(record.object('tlsDetails'), TLS));
  }
  get addendum() {
    return this.ask((record) => textsOf(record.object('addendum'), ADDENDUM));
  }
  get timeWindow() {
    return this.ask((record) => textsOf(record.object('timeWindow'), WINDOW));
  }
  get metadata() {
    return this.ask((record) => textsOf(record.object('metadata'), METADATA));
  }
  get insightDetails() {
    return this.ask((record) => {
      const details = textsOf(record.object('insightDetails'), INSIGHT);
      const text = record.json('insightDetails');
      if (details === null || text === null) return null;
      return { ...details, insightContext: jsonMembers(text).get('insightContext') ?? null };
    });
  }

  private text(name: string): Promise<string | null> {
    return this.ask((record) => record.text(name));
  }

  private flag(name: string): Promise<boolean | null> {
    return this.ask((record) => record.flag(name));
  }

  /** The member's exact JSON text. */
  private json(name: string): Promise<string | null> {
    return this.ask((record) => record.json(name));
  }

  private async ask<Value>(read: (record: EventRecord) => Value): Promise<Value> {
    const record = await this.load();
    if (record === undefined) throw new CairnError('ERASED', 'This event was erased.');
    return read(record);
  }
}
