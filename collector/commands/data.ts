/** The collector's data directory: what lies where. */
import fs from 'node:fs';
import path from 'node:path';
import { Option } from 'commander';
import type { HashKey } from '../reduce/hash.ts';

export interface DataPaths {
  readonly root: string;
  /** Held by the program that writes (common/sqlite/lock.ts). */
  readonly lock: string;
  readonly registry: string;
  readonly secret: string;
  /** The directory of the log. */
  readonly log: string;
  readonly store: string;
  /** The directory of days that are closed, as Parquet files. */
  readonly archive: string;
  /** The directory of kept geography databases. */
  readonly geo: string;
  readonly config: string;
  /** Where `enaga serve` answers, while it runs. */
  readonly url: string;
  /** Who sends exchange files. */
  readonly exports: string;
  /** What is known of days' files (publish/api/digests.ts); not in a backup. */
  readonly files: string;
  /** What is pushed where (collector/push/schema.ts), held by the one that pushes, and files under way. */
  readonly push: string;
  readonly pushLock: string;
  readonly pushSpool: string;
  /** Figures of others (collector/peer/schema.ts). */
  readonly peers: string;
  /** Sockets of the thread that reads, while `enaga serve` runs. */
  readonly reading: string;
}

/** Where it is unless somebody says otherwise. */
export const DIRECTORY = '/var/lib/enaga';

/** The data directory is not there, or not as `enaga init` made it. */
export class BadData extends Error {
  override readonly name = 'BadData';
}

export function dataPaths(dir: string): DataPaths {
  const root = path.resolve(dir);
  const at = (name: string) => path.join(root, name);
  return {
    root,
    lock: at('lock'),
    registry: at('registry.db'),
    secret: at('secret.json'),
    log: at('log'),
    store: at('store.db'),
    archive: at('archive'),
    geo: at('geo'),
    config: at('config.json'),
    url: at('url'),
    exports: at('exports.json'),
    files: at('files.db'),
    push: at('push.db'),
    pushLock: at('push.lock'),
    pushSpool: at('push'),
    peers: at('peers.db'),
    reading: at('reading'),
  };
}

/** `--data <dir>`, the same for every command. */
export const dataOption = (): Option =>
  new Option('--data <dir>', "the collector's data directory").env('ENAGA_DATA').default(DIRECTORY);

/** `enaga init` makes the secret last. Throws the system's error where this user may not look. */
export const isInitialised = (paths: DataPaths): boolean =>
  fs.statSync(paths.secret, { throwIfNoEntry: false }) !== undefined;

/** The paths of a directory that is set up. Throws `BadData`. */
export function existingData(dir: string): DataPaths {
  const paths = dataPaths(dir);
  if (!isInitialised(paths)) throw new BadData(`${paths.root} is not set up: run enaga init --data ${paths.root}`);
  return paths;
}

/** Throws `BadData`. */
export function readSecret(paths: DataPaths): { readonly hashKey: HashKey } {
  let secret: { hashKey?: Partial<HashKey> } | null;
  try {
    secret = JSON.parse(fs.readFileSync(paths.secret, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== undefined) throw error;
    throw new BadData(`${paths.secret} is damaged`); // a parser's error quotes the secret
  }
  const { low, high } = secret?.hashKey ?? {};
  if (!isWord(low) || !isWord(high)) throw new BadData(`${paths.secret} is damaged`);
  return { hashKey: { low, high } };
}

const isWord = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
