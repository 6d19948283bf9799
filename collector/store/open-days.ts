/**
 * What is told of open days, and of weeks, months and quarters with open days in them, kept as it was made: pages ask for the same
 * again and again. What is made in an instant is made again whenever it has changed. What takes longer a thread makes over and
 * over (renewal.ts), and meanwhile what is kept is told.
 */
import { bytesOf, type DayNow, isOfDay, type MadeDay } from './made-day.ts';

export interface OpenDaysOptions {
  /** Large days and long periods are made elsewhere, and kept here; else whoever asks waits for them. */
  readonly aside?: boolean;
  /** What was made before; it may be of long ago. */
  readonly before?: readonly Made[];
  /** A day of more bytes is a large one. */
  readonly smallBytesMax?: number;
  /** Of days kept, as they are made. */
  readonly keptBytesMax?: number;
}

export interface OpenDay extends DayNow {
  /** Of its segments as they are kept. */
  readonly bytes: number;
}

/** Ranks of a period as bytes (rollup.ts), made of these days. */
export interface MadeRanks {
  /** Which period and table. */
  readonly name: string;
  readonly days: readonly DayNow[];
  readonly bytes: Uint8Array;
}

export type Made =
  | { readonly kind: 'day'; readonly day: MadeDay }
  | { readonly kind: 'ranks'; readonly ranks: MadeRanks };

/** A day of so many bytes is made in 40 ms (108 MB: 8 s). */
const smallBytesDefault = 512 * 1024;
/** What days of a period add to the time of its ranks: a thousand sets of sources, at the most. */
const dayMs = ({ packets }: DayNow): number => Math.min(45, 1 + packets / 100_000);
const ranksMsMax = 50;
/** Twenty-five of the largest. */
const keptBytesDefault = 128 * 1024 * 1024;
/** Of three kinds of periods this one and the one before, and two tables; and some that were. */
const ranksMax = 24;

interface KeptDay {
  readonly day: MadeDay;
  readonly bytes: number;
}

export class OpenDays {
  readonly aside: boolean;
  readonly #smallBytesMax: number;
  readonly #keptBytesMax: number;
  /** The least recently told first. */
  readonly #days = new Map<number, KeptDay>();
  /** Of all of them. */
  #bytes = 0;
  /** Large days that were asked for when there was nothing to tell. */
  readonly #wanted = new Set<number>();
  readonly #ranks = new Map<string, MadeRanks>();

  constructor({ aside = false, before = [], smallBytesMax, keptBytesMax }: OpenDaysOptions = {}) {
    this.aside = aside;
    this.#smallBytesMax = smallBytesMax ?? smallBytesDefault;
    this.#keptBytesMax = keptBytesMax ?? keptBytesDefault;
    for (const made of before) this.#put(made);
  }

  /** As it is now, or as it was when it was made last; undefined if it has nothing, or while a large one is made first. */
  day(now: OpenDay, make: () => MadeDay | undefined): MadeDay | undefined {
    const known = this.knownDay(now);
    if (known?.packets === now.packets || this.isLarge(now)) {
      this.#noteTold(now, known);
      return known;
    }
    const day = make();
    if (day !== undefined) this.#put({ kind: 'day', day });
    return day;
  }

  #noteTold({ day }: OpenDay, known: MadeDay | undefined): void {
    if (known === undefined) {
      this.#wanted.add(day);
      return;
    }
    const kept = this.#days.get(day)!;
    this.#days.delete(day);
    this.#days.set(day, kept);
  }

  /** Ranks of a period of these days, as they are now or, of a long one, were; undefined while a long one is made first. */
  ranks(name: string, days: readonly DayNow[], make: () => MadeRanks): Uint8Array | undefined {
    const known = this.knownRanks(name, days);
    if (known !== undefined && (isSame(known.days, days) || this.isLong(days))) return known.bytes;
    if (this.isLong(days)) return undefined;
    const ranks = make();
    this.#put({ kind: 'ranks', ranks });
    return ranks.bytes;
  }

  /** What was made elsewhere; a day that has no place is let go. */
  keep(made: Made): void {
    if (made.kind === 'ranks' || this.hasPlace(made.day)) this.#put(made);
  }

  /**
   * Whether a large day is worth making: while there is room each is; then those that are kept, and those that were asked for, which
   * take the place of the ones that nobody asks for.
   */
  hasPlace = ({ day }: Pick<DayNow, 'day'>): boolean =>
    this.#bytes < this.#keptBytesMax || this.#days.has(day) || this.#wanted.has(day);

  #put(made: Made): void {
    if (made.kind === 'ranks') putLast(this.#ranks, made.ranks, ranksMax);
    else this.#putDay(made.day);
  }

  #putDay(day: MadeDay): void {
    const bytes = bytesOf(day);
    this.#wanted.delete(day.day);
    this.#bytes += bytes - (this.#days.get(day.day)?.bytes ?? 0);
    this.#days.set(day.day, { day, bytes }); // where it was, if it was kept: making is not telling
    for (const one of this.#days.keys()) {
      if (this.#bytes - bytes < this.#keptBytesMax) break;
      if (one !== day.day) this.#drop(one);
    }
  }

  #drop(day: number): void {
    this.#bytes -= this.#days.get(day)!.bytes;
    this.#days.delete(day);
  }

  /** Lets go of all but these days as they are. */
  keepOnly(open: readonly OpenDay[]): void {
    const byDay = new Map(open.map(one => [one.day, one]));
    for (const [day, kept] of this.#days) {
      const now = byDay.get(day);
      if (now === undefined || !isOfDay(kept.day, now)) this.#drop(day);
    }
    for (const day of this.#wanted) if (!byDay.has(day)) this.#wanted.delete(day);
  }

  all = (): Made[] => [
    ...[...this.#days.values()].map(({ day }): Made => ({ kind: 'day', day })),
    ...[...this.#ranks.values()].map((ranks): Made => ({ kind: 'ranks', ranks })),
  ];

  isLarge = ({ bytes }: OpenDay): boolean => this.aside && bytes > this.#smallBytesMax;
  isLong = (days: readonly DayNow[]): boolean =>
    this.aside && days.reduce((ms, day) => ms + dayMs(day), 0) > ranksMsMax;

  knownDay(now: DayNow): MadeDay | undefined {
    const known = this.#days.get(now.day)?.day;
    return known !== undefined && isOfDay(known, now) ? known : undefined;
  }

  /** Made of some of these days, as they are or were. */
  knownRanks(name: string, days: readonly DayNow[]): MadeRanks | undefined {
    const known = this.#ranks.get(name);
    const now = new Map(days.map(one => [one.day, one]));
    const isOf = (day: DayNow) => now.has(day.day) && isOfDay(day, now.get(day.day)!);
    return known?.days.every(isOf) ? known : undefined;
  }
}

export const isSame = (made: readonly DayNow[], now: readonly DayNow[]): boolean =>
  made.length === now.length && made.every((day, n) => day.day === now[n]!.day && day.packets === now[n]!.packets);

function putLast(kept: Map<string, MadeRanks>, ranks: MadeRanks, max: number): void {
  kept.delete(ranks.name);
  kept.set(ranks.name, ranks);
  if (kept.size > max) kept.delete(kept.keys().next().value!);
}
