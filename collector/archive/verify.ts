/** Reads the archive through: every file is what was written, and every batch in it the one that was acknowledged. */
import fs from 'node:fs';
import path from 'node:path';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { lackOf } from './clean.ts';
import { type Duck, openDuck, ownSpillOf } from './duck.ts';
import { fileSha256 } from './file-sha256.ts';
import { readHeads } from './heads.ts';
import { headsFile, MANIFEST, recordsFile } from './layout.ts';
import { Manifest, type Part } from './manifest.ts';
import { PartBatches } from './rebuild.ts';

export interface Verified {
  readonly parts: number;
  readonly records: number;
  readonly damaged: readonly { readonly file: string; readonly why: string }[];
}

export interface VerifyOptions {
  /** This day alone. */
  readonly day?: number | undefined;
  /** The log's directory: what has gone from it is in parts that the manifest names. */
  readonly logDir?: string;
}

/** Parts whose records were removed for their age are left out. Throws `BadDatabase` for a manifest. */
export async function verifyArchive(dir: string, { day, logDir }: VerifyOptions = {}): Promise<Verified> {
  if (!Manifest.isThere(dir)) return { parts: 0, records: 0, damaged: unnamed(dir, logDir, 0) };
  const manifest = Manifest.open(dir, { readonly: true });
  const duck = await openDuck({ directories: [dir], spill: ownSpillOf(dir) });
  try {
    const parts = manifest.parts(day).filter(({ expiredMs }) => expiredMs === null);
    const damaged = unnamed(dir, logDir, manifest.gone());
    for (const part of parts) {
      const why = await faultOf(dir, duck, part);
      if (why !== undefined) damaged.push({ file: path.join(dir, recordsFile(part.day, part.part)), why });
    }
    return { parts: parts.length, records: parts.reduce((sum, { records }) => sum + records, 0), damaged };
  } finally {
    duck.close();
    manifest.close();
  }
}

function unnamed(dir: string, logDir: string | undefined, gone: number): { file: string; why: string }[] {
  const why = logDir === undefined ? undefined : lackOf(logDir, gone);
  return why === undefined ? [] : [{ file: path.join(dir, MANIFEST), why }];
}

async function faultOf(dir: string, { connection }: Duck, part: Part): Promise<string | undefined> {
  const [records, heads] = [recordsFile, headsFile].map(of => path.join(dir, of(part.day, part.part))) as [
    string,
    string,
  ];
  for (const file of [records, heads]) if (!fs.existsSync(file)) return `${path.basename(file)} is gone`;
  if (fileSha256(heads) !== part.headsSha256) return 'its heads are not what was written';
  if (fileSha256(records) !== part.recordsSha256) return 'it is not what was written';
  try {
    const { heads: kept } = readHeads(fs.readFileSync(heads), heads);
    const whole = await PartBatches.read(connection, records, kept);
    const bad = whole.heads.findIndex((_, n) => !whole.isSound(n));
    return bad === -1
      ? undefined
      : `the batch at position ${whole.heads[bad]!.position} is not the one that was logged`;
  } catch (error) {
    if (error instanceof BadDatabase) return error.message;
    throw error;
  }
}
