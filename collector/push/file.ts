/** An exchange file on disk, made once for an attempt: what is sent has a length and a digest, and is read as often as it takes. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import type { FileFormat, Format } from '../publish/exports/formats.ts';
import type { Shape } from '../publish/exports/iodef.ts';
import type { Meta } from '../publish/exports/meta.ts';
import { eventFile } from '../publish/exports/misp.ts';
import type { Row, Rows } from '../publish/exports/row.ts';

export interface MadeFile {
  /** Where it lies now. */
  readonly path: string;
  /** What its receiver is to call it. */
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Undefined without a row; else the same rows, of which none is lost by having looked. */
export async function someRows(rows: Rows): Promise<Rows | undefined> {
  const blocks = blocksOf(rows);
  for (;;) {
    const { value, done } = await blocks.next();
    if (done) return undefined;
    if (value.length > 0) return chained(value, blocks);
  }
}

async function* blocksOf(rows: Rows): AsyncGenerator<readonly Row[]> {
  yield* rows;
}

async function* chained(first: readonly Row[], rest: AsyncGenerator<readonly Row[]>): AsyncGenerator<readonly Row[]> {
  yield first;
  yield* rest;
}

/** Of a format that is several files, the event: the rest of a MISP feed is how it is found. */
const textOf = (format: Format, rows: Rows, meta: Meta, shape: Shape): AsyncIterable<string> =>
  format.kind === 'file' ? format.write(rows, meta, shape) : eventOf(format.write(rows, meta), eventFile(meta));

async function* eventOf(pieces: AsyncIterable<{ readonly file: string; readonly text: string }>, name: string) {
  for await (const { file, text } of pieces) if (file === name) yield text;
}

const nameOf = (format: Format, meta: Meta): string =>
  (format.kind === 'file' ? (format as FileFormat).fileName(meta) : eventFile(meta)).replaceAll(/[^\w.-]/g, '_');

/** Writes it anew, synced, through no link that others left there. Nothing stays of one that cannot be made. */
export async function makeFile(
  target: string,
  { format, rows, meta, shape }: { format: Format; rows: Rows; meta: Meta; shape: Shape },
): Promise<MadeFile> {
  let handle: FileHandle | undefined;
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    fs.rmSync(target, { force: true });
    handle = await open(target, 'wx', 0o600);
    for await (const text of textOf(format, rows, meta, shape)) {
      const chunk = Buffer.from(text);
      hash.update(chunk);
      bytes += chunk.length;
      await handle.writeFile(chunk);
    }
    await handle.sync();
  } catch (error) {
    await handle?.close().catch(() => {});
    fs.rmSync(target, { force: true });
    throw error;
  }
  await handle.close();
  const { mediaType } = format;
  return { path: target, name: nameOf(format, meta), mediaType, bytes, sha256: hash.digest('hex') };
}

/** Makes the folder of files under way, and removes what a run that was killed left in it. */
export function clearSpool(folder: string): void {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of fs.readdirSync(folder)) fs.rmSync(path.join(folder, name), { force: true });
}

/** Hexadecimal; undefined if there is no such file. */
export async function digestOf(file: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of fs.createReadStream(file)) hash.update(chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return hash.digest('hex');
}
