/** Files of closed days are measured ahead, the newest days first, so that a listing knows them: for whoever has time for it. */
import { setImmediate as breathe } from 'node:timers/promises';
import { DAY_MS } from '../../../common/time.ts';
import { PUBLIC, viewOf } from '../roles/roles.ts';
import { measureTables, scopeOf, tablesMade, tablesOf } from './day-files.ts';
import { Figures, stateOf } from './figures.ts';
import { FORMATS } from './formats.ts';
import type { ReadPowers } from './read-powers.ts';

export interface MeasuringOptions {
  /** Days measured at the most. */
  readonly daysMax: number;
  readonly isStopping?: () => boolean;
}

/** Days further back are measured when they are asked for. */
const daysBackMax = 400;

/** Measures what is not, for members and for the public. Returns of how many days. Throws `BadState`. */
export async function measureDays(
  powers: Pick<ReadPowers, 'store' | 'registry' | 'digests' | 'rule' | 'now'>,
  { daysMax, isStopping = () => false }: MeasuringOptions,
): Promise<number> {
  const store = powers.store();
  if (store === undefined) return 0;
  const figures = new Figures(store, () => powers.registry.placements());
  const guarded = viewOf(PUBLIC, { what: 'files' }, powers.rule, powers.now());
  const views = [{ kind: 'whole' } as const, ...(guarded.kind === 'guarded' ? [guarded] : [])];
  const today = Math.floor(powers.now() / DAY_MS);
  const range = { from: Math.max(0, today - daysBackMax), to: today };
  let measured = 0;
  for (const view of views) {
    const known = powers.digests.ofDays(scopeOf(view), range);
    const wanted = tablesOf(view).length * FORMATS.length;
    const days = figures.days(view, range).filter(day => {
      const files = [...(known.get(day.day)?.values() ?? [])];
      const made = tablesMade(day.revision, store.excludedOn(day.day));
      return stateOf(day) !== 'open' && files.filter(one => one.made === made).length < wanted;
    });
    for (const { day } of days.reverse()) {
      if (measured >= daysMax || isStopping()) return measured;
      const found = figures.day(view, day);
      if (found === undefined) continue; // too few sensors saw something
      measured++;
      const made = tablesMade(found.revision, store.excludedOn(day));
      for (const _ of measureTables(view, found, { made, digests: powers.digests })) await breathe();
    }
  }
  return measured;
}
