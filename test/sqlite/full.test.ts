/** What is called a full disk, and what is not. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { isFull } from '../../common/sqlite/full.ts';
import { openDatabase } from '../../common/sqlite/open.ts';
import { fillDisk, mountSmallDisk, SMALL_DISK_MISSING } from '../support/small-disk.ts';

const coded = (code: string) => Object.assign(new Error('made up'), { code });

it('fault 4: no room is one thing, whoever says it', () => {
  for (const code of ['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'EDQUOT'])
    expect(isFull(coded(code))).toBe(true);
  for (const code of ['SQLITE_IOERR_WRITE', 'SQLITE_IOERR', 'SQLITE_BUSY', 'EIO', 'FULL'])
    expect(isFull(coded(code))).toBe(false);
  for (const none of [undefined, null, 'SQLITE_FULL', new Error('SQLITE_FULL')]) expect(isFull(none)).toBe(false);
});

it('fault 4: whatever is thrown while a real disk fills up is told, at every size of what is left', context => {
  const disk = mountSmallDisk(2 ** 20);
  if (disk === undefined) return context.skip(SMALL_DISK_MISSING);
  onTestFinished(disk.remove);
  const thrown = new Map<string, boolean>();
  for (let left = 0; left < 40; left++) {
    const ballast = fillDisk(disk.dir, left * 4096);
    try {
      const database = openDatabase(path.join(disk.dir, `${left}.db`), {
        migrations: ['CREATE TABLE t (a BLOB) STRICT'],
      });
      try {
        for (let n = 0; n < 100; n++) database.prepare('INSERT INTO t VALUES (zeroblob(5000))').run();
      } finally {
        database.close();
      }
    } catch (error) {
      thrown.set(String((error as { code?: string }).code), isFull(error));
    }
    for (const name of fs.readdirSync(disk.dir)) fs.rmSync(path.join(disk.dir, name));
    expect(fs.existsSync(ballast)).toBe(false);
  }
  expect(thrown.size).toBeGreaterThan(0);
  expect([...thrown].filter(([, told]) => !told)).toEqual([]);
});
