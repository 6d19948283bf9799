/** The copies of the geography that days are counted with, which a fold in years to come depends on. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { takeGeography } from '../../collector/commands/geography.ts';
import type { GeoEntry } from '../../collector/log/entry.ts';
import { writeMmdb } from '../support/mmdb-writer.ts';

function newGeography() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-geography-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'country.mmdb');
  const about = { databaseType: 'Test-Country', buildEpoch: 1_750_000_000, ipVersion: 6 } as const;
  writeMmdb(file, about, [['0.0.0.0/1', { country: { iso_code: 'JP' } }]]);
  const entries: GeoEntry[] = [];
  const log = {
    entries: () => entries,
    append: (entry: Omit<GeoEntry, 'position'>) => entries.push({ ...entry, position: 1 }),
  };
  const copies = path.join(folder, 'geo');
  const take = () => takeGeography(log, copies, { geo: [file] }).isNew;
  return { file, entries, take, copy: () => path.join(copies, fs.readdirSync(copies)[0]!), copies };
}

it.each([true, false])('fault 2: a copy that is not what it was is made again (known to the log: %s)', known => {
  const { file, entries, take, copy, copies } = newGeography();
  expect(take()).toBe(true);
  const sound = fs.readFileSync(file);
  for (const damaged of [sound.subarray(0, 99), sound.map((byte, n) => (n === 700 ? byte ^ 1 : byte))]) {
    fs.writeFileSync(copy(), damaged);
    if (!known) entries.length = 0; // as after a crash between the copy and the entry
    expect(take()).toBe(!known);
    expect(fs.readFileSync(copy()).equals(sound)).toBe(true);
  }
  fs.rmSync(copy());
  expect(take()).toBe(false);
  expect(fs.readdirSync(copies)).toHaveLength(1);
});

it('a copy that is sound is left as it is', () => {
  const { take, copy } = newGeography();
  take();
  const { ino, mtimeMs } = fs.statSync(copy());
  expect(take()).toBe(false);
  expect(fs.statSync(copy())).toMatchObject({ ino, mtimeMs });
});
