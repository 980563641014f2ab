const WHITE_SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\]|\\[^])*"/y;
const STRUCTURE = /[{}[\]"]/g;
const NUMBER_OR_NAME = /-?[\w.+-]+/y;

/**
 * The members of a JSON object with their values' exact text: numbers keep their digits (9.82222E-5), strings
 * their escapes. Of members with the same name the last counts, as in JSON.parse. Empty for anything else than
 * an object; SyntaxError for what is not JSON (the journal holds none).
 */
export function jsonMembers(text: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  let at = endOf(WHITE_SPACE, text, 0);
  if (text[at] !== '{') return members;
  at = endOf(WHITE_SPACE, text, at + 1);
  while (text[at] === '"') {
    const afterName = endOf(STRING, text, at);
    const name: string = JSON.parse(text.slice(at, afterName));
    const from = endOf(WHITE_SPACE, text, endOf(WHITE_SPACE, text, afterName) + 1);
    const to = endOfValue(text, from);
    members.set(name, text.slice(from, to));
    at = endOf(WHITE_SPACE, text, to);
    if (text[at] !== ',') break;
    at = endOf(WHITE_SPACE, text, at + 1);
  }
  return members;
}

function endOfValue(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return endOf(STRING, text, from);
  if (first !== '{' && first !== '[') return endOf(NUMBER_OR_NAME, text, from);
  let depth = 0;
  let at = from;
  for (;;) {
    STRUCTURE.lastIndex = at;
    const char = STRUCTURE.exec(text)?.[0];
    if (char === undefined) throw new SyntaxError('not JSON');
    at = STRUCTURE.lastIndex;
    if (char === '"') at = endOf(STRING, text, at - 1);
    else if (char === '{' || char === '[') depth += 1;
    else depth -= 1;
    if (depth === 0) return at;
  }
}

function endOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  if (!pattern.test(text)) throw new SyntaxError(`not JSON at position ${from}`);
  return pattern.lastIndex;
}
