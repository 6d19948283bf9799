/**
 * Into a directory, from where others take it (by SFTP, say): written beside under another name (`.enaga-*.part`, of a feed
 * `*.tmp`), synced and renamed, so that nobody takes half of one. Another revision takes the place of the one before. The
 * directory must be there: one that was made anew would be under a mount that is away. A MISP target's directory is a feed.
 */
import fs from 'node:fs';
import path from 'node:path';
import { BadExport } from '../publish/exports/check.ts';
import type { Format } from '../publish/exports/formats.ts';
import type { Shape } from '../publish/exports/iodef.ts';
import type { Meta } from '../publish/exports/meta.ts';
import { eventFile, eventId, HASHES, MANIFEST } from '../publish/exports/misp.ts';
import type { Rows } from '../publish/exports/row.ts';
import { writeFeed } from '../publish/exports/write.ts';
import { digestOf, type MadeFile, makeFile } from './file.ts';
import { failed, type Outcome, troubleOf } from './outcome.ts';

export interface FolderFile {
  /** Names the file in the making: the same in every try, so that one that was broken off is written over. */
  readonly draft: string;
  readonly format: Format;
  readonly rows: Rows;
  readonly meta: Meta;
  readonly shape: Shape;
}

/** For the directory's group, to which whoever takes the files belongs; a service's umask leaves it nothing. */
const sharedMode = 0o640;

type Placed = { readonly outcome: Outcome; readonly made?: Pick<MadeFile, 'bytes' | 'sha256'> };

export async function place(folder: string, file: FolderFile): Promise<Placed> {
  if (!fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    return { outcome: failed('target', 'there is no such directory') };
  try {
    return { outcome: { kind: 'delivered' }, made: await placed(folder, file) };
  } catch (error) {
    if (error instanceof BadExport) return { outcome: failed('file', error.message) };
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    return { outcome: failed('target', troubleOf(error)) };
  }
}

/** An attempt that was interrupted after its renaming finds its file there, and leaves it: its time tells when it came. */
async function placed(folder: string, { draft, format, rows, meta, shape }: FolderFile) {
  if (format.kind === 'folder') {
    await writeFeed(folder, eventId(meta), format.write(rows, meta));
    for (const name of [eventFile(meta), HASHES, MANIFEST]) fs.chmodSync(path.join(folder, name), sharedMode);
    syncFolder(folder);
    const event = path.join(folder, eventFile(meta));
    return { bytes: fs.statSync(event).size, sha256: (await digestOf(event))! };
  }
  const made = await makeFile(path.join(folder, `.enaga-${draft}.part`), {
    format,
    rows,
    meta,
    shape,
  });
  const target = path.join(folder, made.name);
  if ((await digestOf(target)) === made.sha256) fs.rmSync(made.path);
  else fs.renameSync(made.path, target);
  syncFolder(folder);
  fs.chmodSync(target, sharedMode);
  return made;
}

function syncFolder(folder: string): void {
  const handle = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}
