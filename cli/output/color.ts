/** SGR parameters of a terminal's own colours (ECMA-48), which every theme can show. */
const CODES = { green: 32, yellow: 33, red: 31 } as const;

export type Paint = (color: keyof typeof CODES, text: string) => string;

/** Colours text, or leaves it as it is: in a pipe, and where NO_COLOR is set. */
export function painter(isOn: boolean): Paint {
  return (color, text) => (isOn ? `\u001b[${CODES[color]}m${text}\u001b[0m` : text);
}
