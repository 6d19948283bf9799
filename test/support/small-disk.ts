/** A disk of a few megabytes, in memory, which fills as a real one does. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const SMALL_DISK_MISSING = 'mounting a small disk needs root';

/** With how to take it away; undefined where this user may not mount. */
export function mountSmallDisk(bytes: number): { readonly dir: string; remove(): void } | undefined {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', dir]);
  const mounted = status === 0;
  const remove = () => {
    if (mounted) spawnSync('umount', ['-l', dir]);
    fs.rmdirSync(dir);
  };
  if (mounted) return { dir, remove };
  remove();
  return undefined;
}

/** Takes all the room but so many bytes, with a file that is to be removed for it to come back. */
export function fillDisk(dir: string, leave: number): string {
  const file = path.join(dir, 'ballast');
  const { bavail, bsize } = fs.statfsSync(dir);
  fs.writeFileSync(file, Buffer.alloc(Math.max(0, bavail * bsize - leave)));
  return file;
}
