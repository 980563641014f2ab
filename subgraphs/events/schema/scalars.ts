import 'reflect-metadata';
import { GraphQLError, GraphQLScalarType } from 'graphql';

/** A part of a record that has no fixed shape. Answers only; nothing takes it. */
export const JsonText = new GraphQLScalarType<string, string>({
  name: 'JsonText',
  description:
    'JSON as text, exactly as it stands in the record: parse it with a JSON parser. Numbers keep their digits ' +
    '(`9.82222E-5`), which a JSON value inside of the answer would not.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
  serialize: (value) => {
    if (typeof value === 'string') return value;
    throw new GraphQLError('JsonText cannot represent this value.');
  },
});
