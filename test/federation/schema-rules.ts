import {
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql';

interface Described {
  readonly name: string;
  readonly description?: string | null | undefined;
}

/** Everything in a schema that a reader would have to guess: `Account`, `Query.account`, `Query.account(id)`. */
export function undescribed(schema: GraphQLSchema): string[] {
  return Object.values(schema.getTypeMap())
    .filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type))
    .flatMap((type) => describedParts(type))
    .filter(([, { description }]) => (description ?? '').trim().length < 5)
    .map(([path]) => path);
}

function describedParts(type: GraphQLNamedType): [path: string, part: Described][] {
  const own: [string, Described] = [type.name, type];
  if (isEnumType(type)) return [own, ...type.getValues().map(member(type.name))];
  if (isInputObjectType(type)) return [own, ...Object.values(type.getFields()).map(member(type.name))];
  if (!isObjectType(type) && !isInterfaceType(type)) return [own];
  // Roots are the product itself; nobody looks them up.
  const isRoot = ['Query', 'Mutation', 'Subscription'].includes(type.name);
  const fields = Object.values(type.getFields()).flatMap((field) => [
    member(type.name)(field),
    ...field.args.map((argument): [string, Described] => [
      `${type.name}.${field.name}(${argument.name})`,
      argument,
    ]),
  ]);
  return isRoot ? fields : [own, ...fields];
}

function member(parent: string) {
  return (part: Described): [string, Described] => [`${parent}.${part.name}`, part];
}
