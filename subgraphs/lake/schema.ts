import { Directive, Field, ObjectType } from 'type-graphql';
import { AccountId, Long } from '#subgraphs/shared/scalars';

@ObjectType({ description: 'How much one part of the house keeps of an account.' })
export class StoragePart {
  @Field(() => String, {
    description:
      '`journal`: sealed events, compressed and encrypted. `history`: events that can be searched.',
  })
  name!: string;

  @Field(() => Long, { description: 'How many events.' })
  events!: number;

  @Field(() => Long, {
    nullable: true,
    description: 'Bytes as stored; null where accounts share their pages and are not measured one by one.',
  })
  bytes!: number | null;
}

@ObjectType({ description: 'What is stored of an account.' })
export class AccountStorage {
  @Field(() => [StoragePart], {
    description:
      'Part by part. Events of the last minute or so are in the journal’s tail and not counted yet; erased events ' +
      'are not counted.',
  })
  parts!: StoragePart[];
}

@Directive('@key(fields: "id")')
@ObjectType({ description: 'An account of this installation: 12 digits, as in AWS.' })
export class Account {
  @Field(() => AccountId, { description: 'The account’s id.' })
  id!: string;

  @Field(() => AccountStorage, { nullable: true, description: 'What is stored of the account.' })
  storage!: AccountStorage | null;
}
