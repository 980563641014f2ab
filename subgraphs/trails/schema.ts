import { Directive, Field, ObjectType } from 'type-graphql';
import { AccountId, DateTime, Long } from '#subgraphs/shared/scalars';

@ObjectType({
  description:
    'What the log’s key has signed: how many records the log had, and the root over them. Two checkpoints show ' +
    'that a log only grew; one shows that an event was in it. `cairn verify` and `cairn verify-proof` check both.',
})
export class LogCheckpoint {
  @Field(() => String, { description: 'The log: a UUID.' })
  origin!: string;

  @Field(() => Long, { description: 'How many records the log had: segments, erasures, keys, epochs.' })
  size!: number;

  @Field(() => String, { description: 'Root of the Merkle tree over the records (RFC 6962), base64.' })
  root!: string;

  @Field(() => String, {
    description: 'The checkpoint as it was signed: a C2SP signed note, to be kept as a file.',
  })
  note!: string;
}

@ObjectType({ description: 'A public key that signs, or has signed, the log’s checkpoints.' })
export class LogPublicKey {
  @Field(() => String, {
    description: 'The key as C2SP writes it (`name+hash+key`), for `cairn verify-proof --key`.',
  })
  vkey!: string;

  @Field(() => Long, {
    description: 'The record that brought the key: it signs checkpoints of more records than this.',
  })
  sinceRecord!: number;

  @Field(() => DateTime, { description: 'When the key was made.' })
  since!: Date;
}

@Directive('@key(fields: "id")')
@ObjectType({ description: 'An account of this installation: 12 digits, as in AWS.' })
export class Account {
  @Field(() => AccountId, { description: 'The account’s id.' })
  id!: string;

  @Field(() => LogCheckpoint, {
    nullable: true,
    description:
      'The newest signed checkpoint of the log that holds the account’s events. Events of the last minute or so ' +
      'are not sealed yet and in none. Null before the log has a key.',
  })
  latestCheckpoint!: LogCheckpoint | null;
}
