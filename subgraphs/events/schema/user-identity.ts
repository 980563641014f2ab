import { Field, ObjectType } from 'type-graphql';
import { JsonText } from '#subgraphs/events/schema/scalars';

@ObjectType({
  description: 'Who issued the credentials of a session: the role, or the user who asked for it.',
})
export class SessionIssuer {
  @Field(() => String, { nullable: true, description: '`Role`, `IAMUser` or `Root`.' })
  type!: string | null;

  @Field(() => String, { nullable: true, description: 'Name of the role or user.' })
  userName!: string | null;

  @Field(() => String, { nullable: true, description: 'Unique id of the role or user, such as `AROA...`.' })
  principalId!: string | null;

  @Field(() => String, { nullable: true, description: 'ARN of the role or user.' })
  arn!: string | null;

  @Field(() => String, { nullable: true, description: 'The account that owns the role or user.' })
  accountId!: string | null;
}

@ObjectType({ description: 'How an identity provider vouched for a session.' })
export class WebIdFederationData {
  @Field(() => String, {
    nullable: true,
    description: 'The provider, such as `www.amazon.com` or an ARN of an OpenID Connect provider.',
  })
  federatedProvider!: string | null;

  @Field(() => JsonText, {
    nullable: true,
    description: 'What the provider says of the user; its own shape.',
  })
  attributes!: string | null;
}

@ObjectType({ description: 'The session of temporary credentials that the request was made with.' })
export class SessionContext {
  @Field(() => SessionIssuer, { nullable: true, description: 'Who issued the credentials.' })
  sessionIssuer!: SessionIssuer | null;

  @Field(() => WebIdFederationData, {
    nullable: true,
    description: 'Set when the session came from a web identity provider.',
  })
  webIdFederationData!: WebIdFederationData | null;

  @Field(() => String, {
    nullable: true,
    description: 'When the credentials were issued, as the record writes it: ISO 8601, UTC.',
  })
  creationDate!: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'The session was opened with multi-factor authentication. Null when the record does not say.',
  })
  mfaAuthenticated!: boolean | null;

  @Field(() => String, {
    nullable: true,
    description: 'The name of the person or program behind a role, as set when the role was assumed.',
  })
  sourceIdentity!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Version of the instance metadata service that gave the credentials: `1.0` or `2.0`.',
  })
  ec2RoleDelivery!: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'The session is a root session that was opened with sts:AssumeRoot.',
  })
  assumedRoot!: boolean | null;
}

@ObjectType({ description: 'The IAM Identity Center user for whom the request was made.' })
export class OnBehalfOf {
  @Field(() => String, { nullable: true, description: 'Id of the user in the identity store.' })
  userId!: string | null;

  @Field(() => String, { nullable: true, description: 'ARN of the identity store.' })
  identityStoreArn!: string | null;
}

@ObjectType({ description: 'The resource of an AWS service that the credentials were issued to.' })
export class InScopeOf {
  @Field(() => String, { nullable: true, description: 'ARN of the resource, such as a Lambda function.' })
  sourceArn!: string | null;

  @Field(() => String, { nullable: true, description: 'Account of the resource.' })
  sourceAccount!: string | null;

  @Field(() => String, { nullable: true, description: 'Kind of resource, such as `AWS::Lambda::Function`.' })
  issuerType!: string | null;

  @Field(() => String, { nullable: true, description: 'What the credentials were issued to.' })
  credentialsIssuedTo!: string | null;
}

@ObjectType({ description: 'The account that delegated the call to an AWS service or partner.' })
export class InvokedByDelegate {
  @Field(() => String, { nullable: true, description: 'Id of the account.' })
  accountId!: string | null;
}

@ObjectType({ description: 'Who made the request: the userIdentity element of a CloudTrail record.' })
export class UserIdentity {
  @Field(() => String, {
    nullable: true,
    description:
      '`Root`, `IAMUser`, `AssumedRole`, `Role`, `FederatedUser`, `Directory`, `AWSAccount`, `AWSService`, ' +
      '`IdentityCenterUser`, `SAMLUser`, `WebIdentityUser`, `Unknown`, or what another producer writes.',
  })
  type!: string | null;

  @Field(() => String, { nullable: true, description: 'Unique id of the identity.' })
  principalId!: string | null;

  @Field(() => String, { nullable: true, description: 'ARN of the identity.' })
  arn!: string | null;

  @Field(() => String, { nullable: true, description: 'The account that the identity belongs to.' })
  accountId!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Id of the access key that signed the request; may be empty.',
  })
  accessKeyId!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Name of the user. `HIDDEN_DUE_TO_SECURITY_REASONS` on some failed sign-ins.',
  })
  userName!: string | null;

  @Field(() => String, { nullable: true, description: 'The AWS service that made the request.' })
  invokedBy!: string | null;

  @Field(() => InvokedByDelegate, { nullable: true, description: 'The account that delegated the call.' })
  invokedByDelegate!: InvokedByDelegate | null;

  @Field(() => String, { nullable: true, description: 'The provider that vouched for a federated user.' })
  identityProvider!: string | null;

  @Field(() => String, { nullable: true, description: 'Id of the credential, for bearer tokens.' })
  credentialId!: string | null;

  @Field(() => SessionContext, { nullable: true, description: 'Set for temporary credentials.' })
  sessionContext!: SessionContext | null;

  @Field(() => OnBehalfOf, { nullable: true, description: 'Set for IAM Identity Center users.' })
  onBehalfOf!: OnBehalfOf | null;

  @Field(() => InScopeOf, { nullable: true, description: 'Set for credentials of a service’s resource.' })
  inScopeOf!: InScopeOf | null;

  @Field(() => JsonText, {
    nullable: true,
    description: 'What a partner adds about the user; its own shape.',
  })
  details!: string | null;
}
