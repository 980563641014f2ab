export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

/** Of one event: far more than a record of 1 MB takes as JSON. */
const MAX_EVENT_CHARS = 16 * 1024 * 1024;

/** The events of a `text/event-stream` (WHATWG HTML, section 9.2), without ids and comments. */
export async function* serverEvents(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<ServerEvent, void, void> {
  const decoder = new TextDecoder();
  let rest: string[] = [];
  let length = 0;
  let event = 'message';
  let data: string[] = [];
  for await (const chunk of body) {
    const [first = '', ...others] = decoder.decode(chunk, { stream: true }).split('\n');
    rest.push(first);
    length += first.length;
    if (length > MAX_EVENT_CHARS) throw new RangeError('An event of the stream is too large.');
    for (const begun of others) {
      const line = rest.join('').replace(/\r$/, '');
      rest = [begun];
      length = begun.length;
      if (line === '') {
        if (data.length > 0) yield { event, data: data.join('\n') };
        event = 'message';
        data = [];
      } else if (line.startsWith('event:')) event = valueOf(line);
      else if (line.startsWith('data:')) data.push(valueOf(line));
    }
  }
}

function valueOf(line: string): string {
  return line.slice(line.indexOf(':') + 1).replace(/^ /, '');
}
