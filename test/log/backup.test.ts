/** A backup taken while others write, and what is made of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataPaths, readSecret } from '../../collector/commands/data.ts';
import { takeGeography } from '../../collector/commands/geography.ts';
import type { LoggedBatch } from '../../collector/log/entry.ts';
import { Log } from '../../collector/log/log.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { admin } from '../support/admin.ts';
import { writeMmdb } from '../support/mmdb-writer.ts';
import { NOON, newFolder } from './batches.ts';

let folder: string;
let data: string;
let copy: string;
/** Name of the copy of the geography. */
let geoCopy: string;

/** As `enaga serve` does at its start. */
function takeDatabase(paths: ReturnType<typeof dataPaths>): string {
  const file = path.join(folder, 'country.mmdb');
  const country = { country: { iso_code: 'JP' } };
  const about = { databaseType: 'Test-Country', buildEpoch: 1_750_000_000, ipVersion: 6 } as const;
  writeMmdb(file, about, [['0.0.0.0/1', country]]);
  const log = Log.open(paths.log);
  takeGeography({ entries: () => [], append: entry => log.appendGeo(entry, NOON) }, paths.geo, { geo: [file] });
  log.close();
  return fs.readdirSync(paths.geo)[0]!;
}

beforeAll(async () => {
  folder = newFolder();
  data = path.join(folder, 'data');
  copy = path.join(folder, 'copy');
  await admin('init', '--data', data);
  await admin('org', 'add', 'example', '--data', data);
  await admin(
    'sensor',
    'add',
    'a',
    '--owner',
    'example',
    '--economy',
    'JP',
    '--network',
    '192.0.2.0/24',
    '--data',
    data,
  );
  const paths = dataPaths(data);
  geoCopy = takeDatabase(paths);
  const store = new Database(paths.store);
  store.exec("CREATE TABLE days (day); INSERT INTO days VALUES ('2026-03-02')");
  store.close();

  const program = path.join(import.meta.dirname, 'appender.ts');
  const writer = spawn(process.execPath, [program, paths.log, '7', '1'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    writer.stdout.resume();
    await once(writer.stdout, 'data');
    while (head(paths.log) < 100) await once(writer.stdout, 'data'); // ends with the hook's time if the writer does
    const before = head(paths.log);
    const said = await admin('backup', '--to', copy, '--data', data);
    expect([said.code, said.stderr]).toEqual([0, '']);
    expect(head(path.join(copy, 'log'))).toBeGreaterThanOrEqual(before);
  } finally {
    writer.kill('SIGKILL');
    await once(writer, 'close');
  }
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

function head(dir: string): number {
  const reader = LogReader.open(dir);
  try {
    return reader.head();
  } finally {
    reader.close();
  }
}

function* logged(dir: string): Generator<LoggedBatch> {
  const reader = LogReader.open(dir);
  let position = 0;
  for (;;) {
    const more = reader.after(position, { batches: 100, bytes: 1e7 });
    if (more.length === 0) break;
    yield* more;
    position = more.at(-1)!.position;
  }
  reader.close();
}

describe('a backup', () => {
  it('restored is the log up to a position, and all else', async () => {
    const target = path.join(folder, 'restored');
    const { code, stderr } = await admin('restore', '--from', copy, '--data', target);
    expect([code, stderr]).toEqual([0, '']);
    const [from, to] = [dataPaths(data), dataPaths(target)];
    const original = logged(from.log);
    let count = 0;
    for (const batch of logged(to.log)) {
      expect(batch).toEqual(original.next().value);
      count++;
    }
    expect(original.next().done).toBe(false); // the writer went on
    expect(count).toBeGreaterThan(50);
    expect(readSecret(to)).toEqual(readSecret(from));
    expect(geoCopy).toMatch(/^[0-9a-f]{64}\.db$/); // and is none of SQLite's
    expect(fs.readdirSync(to.geo)).toEqual([geoCopy]);
    expect(fs.readFileSync(path.join(to.geo, geoCopy))).toEqual(fs.readFileSync(path.join(from.geo, geoCopy)));
    expect(new Database(to.store).prepare('SELECT day FROM days').pluck().get()).toBe('2026-03-02');
    const list = async (dir: string) => (await admin('sensor', 'show', 'a', '--json', '--data', dir)).stdout;
    const counted = /"(lastBatch|batches|records)":.*\n/g;
    expect((await list(target)).replace(counted, '')).toBe((await list(data)).replace(counted, ''));
    expect(fs.statSync(to.root).mode & 0o77).toBe(0);
  });

  it('restored is a log with another name, which goes on where it ends', async () => {
    const target = path.join(folder, 'going on');
    await admin('restore', '--from', copy, '--data', target);
    const dir = dataPaths(target).log;
    const log = Log.open(dir);
    const original = LogReader.open(dataPaths(data).log);
    expect(log.id).not.toBe(original.id);
    const [next] = original.after(log.head(), { batches: 1, bytes: 1 });
    expect(log.append([next!, next!]).map(({ kind }) => kind)).toEqual(['logged', 'duplicate']);
    log.close();
    original.close();
  });

  it('is not restored over anything, and not where any of it was changed', async () => {
    const target = path.join(folder, 'refused');
    const restore = (from: string, to = target) => admin('restore', '--from', from, '--data', to);
    expect((await restore(copy, data)).stderr).toBe(`enaga restore: ${data} is not empty: give a new directory\n`);
    expect((await restore(folder)).stderr).toContain('holds no whole backup: backup.json is missing');
    for (const file of ['registry.db', 'secret.json', 'log/2026-03-02.db', `geo/${geoCopy}`]) {
      const spoilt = path.join(folder, 'spoilt');
      fs.cpSync(copy, spoilt, { recursive: true });
      const bytes = fs.readFileSync(path.join(spoilt, file));
      bytes[bytes.length >> 1]! ^= 1;
      fs.writeFileSync(path.join(spoilt, file), bytes);
      const { code, stderr } = await restore(spoilt);
      expect([code, stderr]).toEqual([1, `enaga restore: ${path.join(spoilt, file)} is not what was backed up\n`]);
      fs.rmSync(spoilt, { recursive: true });
    }
    const outside = path.join(folder, 'outside');
    fs.mkdirSync(outside);
    const manifest = { version: 1, made: '', files: [{ file: '../secret', bytes: 0, sha256: '' }] };
    fs.writeFileSync(path.join(outside, 'backup.json'), JSON.stringify(manifest));
    expect((await restore(outside)).stderr).toContain('names a file that is no part of a backup');
    expect(fs.existsSync(target) || fs.existsSync(`${target}.partial`)).toBe(false);
  });

  it('of a damaged database is none', async () => {
    const damaged = path.join(folder, 'damaged');
    await admin('restore', '--from', copy, '--data', damaged);
    const { registry } = dataPaths(damaged);
    const bytes = fs.readFileSync(registry);
    bytes.fill(0xaa, 8192, 12_288);
    fs.writeFileSync(registry, bytes);
    const to = path.join(folder, 'none');
    const { code, stderr } = await admin('backup', '--to', to, '--data', damaged);
    expect([code, stderr]).toEqual([1, expect.stringMatching(`^enaga backup: ${registry} is damaged`)]);
    expect(fs.existsSync(to) || fs.existsSync(`${to}.partial`)).toBe(false);
  });
});
