/** What a run of the archive did before something stood in its way stays done, and frees what it can. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Manifest } from '../../collector/archive/manifest.ts';
import { NotArchived } from '../../collector/archive/part.ts';
import { verifyArchive } from '../../collector/archive/verify.ts';
import { BadLog } from '../../collector/store/batch.ts';
import { LoggedGeographies } from '../../collector/store/geography.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { newSeed } from '../support/random.ts';
import { FIRST_DAY, RECEIVED_MS } from '../support/sealed-log.ts';
import { ArchivedLog, blocksOfRows, DAY_MS, randomRows } from './support.ts';

const RECORDS = 100;
let made: ArchivedLog;
/** A file of the log for each of two days, and one that stays. */
beforeEach(() => {
  made = new ArchivedLog();
  for (const later of [0, 1]) {
    const rows = randomRows(newSeed(), RECORDS, 1).map(row => ({ ...row, hour: row.hour + 24 * later }));
    made.append(...blocksOfRows(rows).map(one => ({ ...one, receivedMs: RECEIVED_MS + later * DAY_MS })));
  }
  made.goOn(RECEIVED_MS + 2 * DAY_MS);
  made.count();
});
afterEach(() => {
  vi.restoreAllMocks();
  made.remove();
});

const FILES = ['2026-03-05.db', '2026-03-06.db', '2026-03-07.db'];

function archivedDays(): number[] {
  const manifest = Manifest.open(made.archive, { readonly: true });
  try {
    return manifest.parts().map(({ day }) => day);
  } finally {
    manifest.close();
  }
}

/** More than a part of these tests is taken to need, and less than two. */
const ROOM_FOR_ONE = 400_000;
/** A disk that has so much left. */
function disk(free: () => number): void {
  const real = fs.statfsSync(made.dir);
  vi.spyOn(fs, 'statfsSync').mockImplementation(() => ({ ...real, bsize: 1, blocks: 50_000, bavail: free() }));
}

test('room for one part at a time is enough', async () => {
  disk(() => ROOM_FOR_ONE);
  const { parts, files } = await made.archived();
  expect(parts.slice(0, 2).map(({ day }) => day)).toEqual([FIRST_DAY, FIRST_DAY + 1]);
  expect(files).toEqual(FILES.slice(0, 2));
});

test('without room for the next day the log files of those before go all the same', async () => {
  let free = ROOM_FOR_ONE;
  disk(() => free);
  const onPart = () => {
    free = 0;
  };
  await expect(made.archived({ onPart })).rejects.toThrow(NotArchived);
  expect(archivedDays()).toEqual([FIRST_DAY]);
  expect(made.logFiles()).toEqual(FILES.slice(1));
  free = ROOM_FOR_ONE;
  expect((await made.archived()).files).toEqual([FILES[1]]);
  expect(await verifyArchive(made.archive)).toMatchObject({ records: 2 * RECORDS, damaged: [] });
});

test('a geography that is damaged keeps its day in the log, and not the day before', async () => {
  const reader = made.reader();
  const sound = new LoggedGeographies(made.data.geo, () => reader.geoEntries());
  let asked = 0;
  const named = (sha256: string) => {
    if (++asked === 2) throw new BadLog('a copy of the geography is damaged');
    return sound.named(sha256);
  };
  await expect(made.archived({ geographies: { at: position => sound.at(position), named } })).rejects.toThrow(BadLog);
  reader.close();
  expect(archivedDays()).toEqual([FIRST_DAY]);
  expect(made.logFiles()).toEqual(FILES.slice(1));
});

test.each(['gone', 'older'])(
  'with a manifest that is %s no part goes: it may be all there is of its records',
  async how => {
    const manifest = path.join(made.archive, 'manifest.db');
    await made.archived({ day: FIRST_DAY });
    const older = fs.readFileSync(manifest);
    await made.archived();
    const sound = fs.readFileSync(manifest);
    const parts = made.partFiles();
    expect(parts.length).toBeGreaterThan(1);
    for (const end of ['', '-wal', '-shm']) fs.rmSync(manifest + end, { force: true });
    if (how === 'older') fs.writeFileSync(manifest, older);
    await expect(made.archived()).rejects.toThrow(BadDatabase);
    expect(made.partFiles()).toEqual(parts);
    const { damaged } = await verifyArchive(made.archive, { logDir: made.data.log });
    expect(damaged).toEqual([{ file: manifest, why: expect.stringContaining('is gone or an older one: ') }]);
    fs.writeFileSync(manifest, sound);
    expect(await made.archived()).toMatchObject({ parts: [], files: [], strange: [] });
    const { log: logDir } = made.data;
    expect(await verifyArchive(made.archive, { logDir })).toMatchObject({ records: 2 * RECORDS, damaged: [] });
  },
);
