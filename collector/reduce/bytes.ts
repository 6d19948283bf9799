/** Little-endian numbers into bytes and out of them, for the encodings of states (codec.ts). */

/** The bytes are not the encoding of a state. */
export class BadState extends Error {
  override readonly name = 'BadState';
}

export class Writer {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  u16(value: number): void {
    const at = this.#take(2); // first: it may change the view
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#take(4); // first: it may change the view
    this.#view.setUint32(at, value, true);
  }

  f64(value: number): void {
    const at = this.#take(8); // first: it may change the view
    this.#view.setFloat64(at, value, true);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    this.#bytes.set(bytes, at);
  }

  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Where the next bytes go. */
  #take(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    if (this.#at > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#at, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}

export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not read yet. */
  get rest(): number {
    return this.#bytes.length - this.#at;
  }

  u8 = (): number => this.#view.getUint8(this.#take(1));
  u16 = (): number => this.#view.getUint16(this.#take(2), true);
  u32 = (): number => this.#view.getUint32(this.#take(4), true);
  f64 = (): number => this.#view.getFloat64(this.#take(8), true);

  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  #take(bytes: number): number {
    if (bytes > this.rest) throw new BadState('it ends too early');
    const at = this.#at;
    this.#at += bytes;
    return at;
  }
}
