/** Files that are there whole or not at all: written under another name, and renamed when complete. */
import { open, rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** Writes the chunks to `path`. A device or pipe gets them as they come, since it is not to be replaced. */
export async function writeWhole(path: string, chunks: Iterable<string>): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  const isFile = found === undefined || found.isFile();
  const target = isFile ? `${path}.tmp` : path;
  const handle = await open(target, 'w'); // open before anything can fail, so that there is a file to remove
  try {
    await pipeline(chunks, handle.createWriteStream());
    if (isFile) await rename(target, path);
  } catch (error) {
    if (isFile) await rm(target, { force: true });
    throw error;
  }
}
