/** Flows by name, at most so many: the one that was quiet longest makes room, and one that is quiet too long is forgotten. */
export class Flows {
  readonly #max: number;
  /** Name to the second it was last heard of; longest ago first. */
  readonly #heard = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#heard.size;
  }

  add(name: string, second: number): void {
    this.#heard.delete(name);
    this.#heard.set(name, second);
    if (this.#heard.size > this.#max) this.#heard.delete(this.#heard.keys().next().value!);
  }

  /** Whether it was heard of within `idle` seconds; if so, it is heard of now. */
  heard(name: string, second: number, idle: number): boolean {
    const before = this.#heard.get(name);
    if (before === undefined) return false;
    if (second - before > idle) {
      this.#heard.delete(name);
      return false;
    }
    this.add(name, second);
    return true;
  }
}
