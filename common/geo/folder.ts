/** Where what can be made again is kept between two runs: compiled geographies, and code (collector/main.ts). */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** `$XDG_CACHE_HOME/enaga` or `~/.cache/enaga`. The XDG specification has relative paths ignored. No home folder: no cache. */
export function defaultCacheDir(): string | undefined {
  const xdg = process.env.XDG_CACHE_HOME ?? '';
  if (isAbsolute(xdg)) return join(xdg, 'enaga');
  try {
    return join(homedir(), '.cache', 'enaga');
  } catch {
    return undefined;
  }
}
