import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Day } from '../../collector/reduce/day.ts';
import { dayResult } from '../../collector/reduce/rows.ts';
import { burst, GEO, manySources, records, reduce, seeded } from '../support/records.ts';
import { type Recount, recount } from '../support/recount.ts';

/** The finer tables made, and networks in the order of their text: which of two with as many packets is first is free. */
function plain(day: Day): Recount {
  const { portCountries, portHours, portKinds, countryHours, countryKinds, countryAsns, ...rest } = dayResult(day, GEO);
  return {
    ...rest,
    portCountries: portCountries(),
    portHours: portHours(),
    portKinds: portKinds(),
    countryHours: countryHours(),
    countryKinds: countryKinds(),
    countryAsns: countryAsns(),
    networks: rest.networks.toSorted((x, y) => y.packets - x.packets || (x.network < y.network ? -1 : 1)),
  };
}

test('every row of every table is what a naive recount of the records gives', () => {
  fc.assert(
    fc.property(records, fc.nat(), (list, seed) => {
      const days = reduce(list, { random: seeded(seed) });
      expect(days.map(({ day }) => day)).toEqual([...new Set(list.map(one => Math.floor(one.hour / 24)))].sort());
      for (const day of days) expect(plain(day)).toEqual(recount(day.day, list));
    }),
    { numRuns: 120 },
  );
});

test('the same with as many sources as sets are exact to', () => {
  fc.assert(
    fc.property(fc.array(burst(1, 2, 200, 256), { minLength: 1, maxLength: 6 }), fc.nat(), (bursts, seed) => {
      // One range of 256 addresses, so that no set of a port in a country or an hour becomes a sketch.
      const { family, src, dst } = bursts[0]!.one;
      const base = src.at(-1)! & 0xffffff00;
      const same = bursts
        .flatMap(manySources)
        .map(one => ({ ...one, family, dst, src: src.with(-1, (base | (one.src.at(-1)! & 0xff)) >>> 0) }));
      for (const day of reduce(same, { random: seeded(seed) })) expect(plain(day)).toEqual(recount(day.day, same));
    }),
    { numRuns: 30 },
  );
});
