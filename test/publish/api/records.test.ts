/** Raw records of sources never name an observed address, whoever wrote it into a packet. */
import { expect, it } from 'vitest';
import type { DayLog } from '../../../collector/publish/api/day-log.ts';
import { recordsPage } from '../../../collector/publish/api/records.ts';
import { observedBy } from '../../../collector/registry/observed.ts';
import { createRecords } from '../../../common/record/record.ts';
import { GEO } from '../../support/records.ts';
import { Sealer } from '../../support/sealed-log.ts';

const HOUR = 492_336;
const DARK = 0xc0000207; // 192.0.2.7
const ABROAD = 0x01000001; // 1.0.0.1

async function sourcesFor(scope: { countries: string[]; asns: number[]; prefixes: string[] } | null) {
  const records = createRecords(4, 2);
  records.hour = HOUR;
  records.count = 2;
  records.src.set([DARK, ABROAD]);
  records.protocol.fill(6);
  const batch = { ...new Sealer().seal({ sensor: 0, records }), position: 1 };
  const log = { ofDay: () => [batch].values() } as unknown as DayLog;
  const { rows } = await recordsPage({
    log,
    geo: GEO,
    day: HOUR / 24,
    from: { position: 1, record: 0, upTo: 1 },
    limit: 10,
    excluded: new Set(),
    choice: { of: 'sources', scope, observed: observedBy([{ networks: ['192.0.2.0/28'] }]) },
  });
  return rows.map(({ source }) => source);
}

it('a member is told no source within an observed network, though it asks for that prefix; an admin is', async () => {
  const everything = { countries: [], asns: [], prefixes: ['0.0.0.0/0'] };
  expect(await sourcesFor(everything)).toEqual(['1.0.0.1']);
  expect(await sourcesFor({ ...everything, prefixes: ['192.0.2.0/24'] })).toEqual([]);
  expect(await sourcesFor(null)).toEqual(['192.0.2.7', '1.0.0.1']);
});
