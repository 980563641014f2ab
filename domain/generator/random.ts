const HEX4: readonly string[] = Array.from({ length: 65_536 }, (_, i) => i.toString(16).padStart(4, '0'));
const ID_CHARS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** xoshiro128** (Blackman and Vigna, public domain): the same seed gives the same world everywhere. */
export class Random {
  readonly #state: Uint32Array;

  constructor(seed: number) {
    this.#state = new Uint32Array(4);
    let mixed = seed >>> 0;
    for (let i = 0; i < 4; i += 1) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      let word = mixed;
      word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
      word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
      this.#state[i] = word ^ (word >>> 16);
    }
  }

  u32(): number {
    const state = this.#state;
    const [a = 0, b = 0, c = 0, d = 0] = state;
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const third = c ^ a;
    const fourth = d ^ b;
    state[0] = a ^ fourth;
    state[1] = b ^ third;
    state[2] = third ^ (b << 9);
    state[3] = (fourth << 11) | (fourth >>> 21);
    return result;
  }

  /** 0 <= x < 1. */
  float(): number {
    return this.u32() / 4_294_967_296;
  }

  below(limit: number): number {
    return Math.floor(this.float() * limit);
  }

  /** Below the limit, small numbers far more often: a few users, buckets and accounts do most. */
  skewed(limit: number): number {
    return Math.floor(this.float() ** 2.5 * limit);
  }

  chance(probability: number): boolean {
    return this.float() < probability;
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }

  pickSkewed<T>(items: readonly [T, ...T[]]): T {
    return items[this.skewed(items.length)] ?? items[0];
  }

  /** Hexadecimal digits, a multiple of 8 of them. */
  hex(digits: number): string {
    let text = '';
    for (let made = 0; made < digits; made += 8) text += this.#hex8();
    return text;
  }

  uuid(): string {
    const a = this.u32();
    const b = this.u32();
    const version = 0x4000 | (a & 0x0fff);
    const variant = 0x8000 | (b & 0x3fff);
    return `${this.#hex8()}-${HEX4[a >>> 16]}-${HEX4[version]}-${HEX4[variant]}-${HEX4[b >>> 16]}${this.#hex8()}`;
  }

  /** As AWS makes key and principal ids: capitals and digits. */
  id(chars: number): string {
    let text = '';
    let bits = 0;
    for (let i = 0; i < chars; i += 1) {
      if (i % 6 === 0) bits = this.u32();
      text += ID_CHARS.charAt(bits & 31);
      bits >>>= 5;
    }
    return text;
  }

  #hex8(): string {
    const word = this.u32();
    return `${HEX4[word >>> 16]}${HEX4[word & 0xffff]}`;
  }
}
