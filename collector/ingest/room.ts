/**
 * Bytes of bodies that may be in memory at once. Each request books what it announces before it is read, or the most it may
 * send if it announces nothing, and gives it back when it is over: so memory is bounded by this and not by connections.
 */
export interface RoomOptions {
  readonly bytesMax: number;
  /** Of one key, so that one sensor (or who poses as it, unverified yet) leaves room for the others. */
  readonly keyBytesMax: number;
}

export class Room {
  readonly #options: RoomOptions;
  readonly #byKey = new Map<string, number>();
  #bytes = 0;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Books; the answer gives it back, once. Undefined if there is no room. */
  book(key: string, bytes: number): (() => void) | undefined {
    const ofKey = (this.#byKey.get(key) ?? 0) + bytes;
    if (this.#bytes + bytes > this.#options.bytesMax || ofKey > this.#options.keyBytesMax) return undefined;
    this.#bytes += bytes;
    this.#byKey.set(key, ofKey);
    let booked = true;
    return () => {
      if (!booked) return;
      booked = false;
      this.#bytes -= bytes;
      const left = this.#byKey.get(key)! - bytes;
      if (left === 0) this.#byKey.delete(key);
      else this.#byKey.set(key, left);
    };
  }
}
