import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonMembers } from '#subgraphs/events/json-members';

describe('jsonMembers', () => {
  it('gives the value of every member as it is written', () => {
    const text = ` {"a" : 9.82222E-5, "b":{ "c":[1.0,{"d":"]}"}] }\n,"\\u0065":"\\u00e9\\"x","t":true , "n":null}`;
    expect([...jsonMembers(text)]).toEqual([
      ['a', '9.82222E-5'],
      ['b', '{ "c":[1.0,{"d":"]}"}] }'],
      ['e', '"\\u00e9\\"x"'],
      ['t', 'true'],
      ['n', 'null'],
    ]);
  });

  it('takes the last of members with the same name, and names like __proto__ as names', () => {
    const members = jsonMembers('{"a":1,"__proto__":{"x":1},"a":2}');
    expect([...members]).toEqual([
      ['a', '2'],
      ['__proto__', '{"x":1}'],
    ]);
  });

  it('agrees with JSON.parse on any object', () => {
    const json = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { noNullPrototype: true });
    fc.assert(
      fc.property(json, fc.constantFrom(0, 1, 3), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const members = [...jsonMembers(text)].map(([name, part]) => [name, JSON.parse(part) as unknown]);
        expect(members).toEqual(Object.entries(JSON.parse(text) as object));
      }),
    );
  }, 30_000);

  it('finds none in what is no object, and reads a megabyte without deep recursion', () => {
    expect(jsonMembers('[1]').size).toBe(0);
    expect(jsonMembers('"a"').size).toBe(0);
    expect(jsonMembers('{}').size).toBe(0);
    const large = `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)},"b":"${'\\"'.repeat(400_000)}"}`;
    expect([...jsonMembers(large).keys()]).toEqual(['a', 'b']);
  });
});
