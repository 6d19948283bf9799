/**
 * A backup is a directory laid out as the data directory, with `backup.json` beside: what the files are, each with its length
 * and SHA-256. Databases are copied by SQLite, each as it was at one moment, while others write. The order keeps them
 * together: the store comes before the log it was counted from, the ledger before the day files it follows, and the
 * registry and the geography after the log that names their sensors and files. Nothing is archived meanwhile, so that no day is
 * on its way from the log to the archive.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { isLocked, takeLock } from '../../common/sqlite/lock.ts';
import { BadDatabase, damageNamed } from '../../common/sqlite/open.ts';
import { MINUTE_MS } from '../../common/time.ts';
import { LOCK } from '../archive/layout.ts';
import { archivedFiles } from '../archive/manifest.ts';
import { dayFileNames } from '../log/files.ts';
import { syncDirectory } from '../log/identity.ts';
import { BadData, type DataPaths, dataPaths } from './data.ts';

const MANIFEST = 'backup.json';
const MANIFEST_VERSION = 1;
/** Pages of one step: all. A copy in several steps begins again whenever somebody writes, and might never end. */
const allPages = 0x7fffffff;
/** A day is archived in less. */
const archivingMsMax = 10 * MINUTE_MS;
const pollMs = 100;
/** Of SQLite; what lies in geo/ is copied as it is, whatever it is called. */
const DATABASE = /^(?!geo\/).*\.db$/;
/** What a backup may hold; a manifest that names another file is not followed. */
const KNOWN =
  /^(store\.db|peers\.db|registry\.db|secret\.json|config\.json|exports\.json|push\.db|log\/(id|ledger\.db|\d{4}-\d\d-\d\d\.db)|geo\/[^/]+|archive\/(manifest\.db|date=\d{4}-\d\d-\d\d\/part-\d+\.(parquet|heads\.zst)))$/;

export interface Manifest {
  readonly version: number;
  /** ISO 8601. */
  readonly made: string;
  readonly files: readonly FileEntry[];
}

interface FileEntry {
  readonly file: string;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** Writes a backup to `target`, which is there whole or not at all. Throws `BadData`, `BadDatabase`. */
export async function writeBackup(paths: DataPaths, target: string, nowMs: number): Promise<Manifest> {
  return await makeDirectory(target, partial => holdArchive(paths.archive, () => copyAll(paths, partial, nowMs)));
}

async function copyAll(paths: DataPaths, partial: string, nowMs: number): Promise<Manifest> {
  const files: FileEntry[] = [];
  for (const file of filesOf(paths)) {
    const from = path.join(paths.root, file);
    const to = path.join(partial, file);
    if (DATABASE.test(file)) await copyDatabase(from, to);
    else copyFile(from, to);
    files.push(await describeFile(partial, file));
  }
  const manifest = { version: MANIFEST_VERSION, made: new Date(nowMs).toISOString(), files };
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  fs.writeFileSync(path.join(partial, MANIFEST), text, { mode: 0o600, flush: true });
  return manifest;
}

/**
 * Makes a data directory of a backup, after every file is found to be what was written; `complete` has the last word before
 * it is there. Throws `BadData`, `BadDatabase`.
 */
export async function readBackup(
  source: string,
  target: string,
  complete: (paths: DataPaths) => void,
): Promise<Manifest> {
  const manifest = readManifest(source);
  return await makeDirectory(target, async partial => {
    for (const { file, sha256 } of manifest.files) {
      const from = path.join(source, file);
      const to = path.join(partial, file);
      copyFile(from, to);
      if ((await describeFile(partial, file)).sha256 !== sha256) throw new BadData(`${from} is not what was backed up`);
      if (DATABASE.test(file)) checkDatabase(to);
    }
    complete(dataPaths(partial));
    return manifest;
  });
}

/** Relative to the data directory, in the order they are to be copied; each is looked for only when its turn comes. */
function* filesOf({
  root,
  store,
  registry,
  secret,
  config,
  exports,
  peers,
  push,
  geo,
  log,
  archive,
}: DataPaths): Generator<string> {
  const there = (files: string[]) => files.filter(file => fs.existsSync(file)).map(file => path.relative(root, file));
  yield* there([store]);
  yield* there(['id', 'ledger.db', ...dayFileNames(log)].map(name => path.join(log, name)));
  yield* there([registry, secret, config, exports, peers, push]);
  yield* there(fs.existsSync(geo) ? fs.readdirSync(geo).map(name => path.join(geo, name)) : []);
  yield* there(archivedFiles(archive).map(name => path.join(archive, name)));
}

/** Once nobody archives, until it is done. Throws `Locked`. */
async function holdArchive<T>(dir: string, use: () => Promise<T>): Promise<T> {
  if (!fs.existsSync(dir)) return use();
  for (let waited = 0; waited < archivingMsMax && isLocked(path.join(dir, LOCK)); waited += pollMs) await sleep(pollMs);
  const lock = takeLock(path.join(dir, LOCK));
  try {
    return await use();
  } finally {
    lock.release();
  }
}

/** Fills a directory beside `target`, which takes its place when it is complete. */
async function makeDirectory<T>(target: string, fill: (partial: string) => Promise<T>): Promise<T> {
  if (fs.existsSync(target) && fs.readdirSync(target).length > 0)
    throw new BadData(`${target} is not empty: give a new directory`);
  const partial = `${target}.partial`;
  fs.rmSync(partial, { recursive: true, force: true }); // of a run that was killed
  for (const folder of ['', 'log', 'geo']) fs.mkdirSync(path.join(partial, folder), { recursive: true, mode: 0o700 });
  try {
    const made = await fill(partial);
    for (const folder of ['log', 'geo', '']) syncDirectory(path.join(partial, folder));
    fs.renameSync(partial, target);
    syncDirectory(path.dirname(target));
    return made;
  } catch (error) {
    fs.rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

function copyFile(from: string, to: string): void {
  fs.mkdirSync(path.dirname(to), { recursive: true, mode: 0o700 });
  fs.copyFileSync(from, to);
  fs.chmodSync(to, 0o600);
  const handle = fs.openSync(to, 'r+');
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}

async function copyDatabase(from: string, to: string): Promise<void> {
  fs.mkdirSync(path.dirname(to), { recursive: true, mode: 0o700 });
  const database = new Database(from, { readonly: true, fileMustExist: true });
  try {
    await database.backup(to, { progress: () => allPages });
  } catch (error) {
    throw damageNamed(error, from);
  } finally {
    database.close();
  }
  fs.chmodSync(to, 0o600);
  checkDatabase(to, from);
}

/** Reads the whole database, and leaves it without files beside it. Throws `BadDatabase`, which names the `original`. */
function checkDatabase(file: string, original = file): void {
  const database = new Database(file);
  try {
    database.pragma('journal_mode = DELETE');
    const found = database.pragma('integrity_check(1)', { simple: true });
    if (found !== 'ok') throw new BadDatabase(`${original} is damaged: ${found}`);
  } catch (error) {
    throw damageNamed(error, original);
  } finally {
    database.close();
  }
}

async function describeFile(directory: string, file: string): Promise<FileEntry> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of fs.createReadStream(path.join(directory, file))) {
    hash.update(piece);
    bytes += piece.length;
  }
  return { file, bytes, sha256: hash.digest('hex') };
}

function readManifest(source: string): Manifest {
  const file = path.join(source, MANIFEST);
  let manifest: Manifest;
  try {
    manifest = JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new BadData(`${source} holds no whole backup: ${MANIFEST} is missing`);
    throw new BadData(code === undefined ? `${file} is damaged` : message);
  }
  if (manifest?.version !== MANIFEST_VERSION) throw new BadData(`${file} is of another version of this program`);
  if (!Array.isArray(manifest.files)) throw new BadData(`${file} is damaged`);
  for (const entry of manifest.files) {
    if (!KNOWN.test(entry?.file)) throw new BadData(`${file} names a file that is no part of a backup`);
  }
  return manifest;
}
