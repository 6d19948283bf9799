/** Where `enaga serve` answers: the file `url` of the data directory says so while it runs, to the commands beside it. */
import { once } from 'node:events';
import fs from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { isLocked } from '../../common/sqlite/lock.ts';
import type { DataPaths } from './data.ts';

/** Stands for a name of this machine, which a socket on all its addresses does not tell. */
export const ANY_HOST = 'HOST';

export function urlOf({ address, family, port }: AddressInfo, isTls: boolean): string {
  const isAny = address === '0.0.0.0' || address === '::';
  const host = isAny ? ANY_HOST : family === 'IPv6' ? `[${address}]` : address;
  return `${isTls ? 'https' : 'http'}://${host}:${port}`;
}

/** Returns what takes it back. */
export function announce({ url: file }: DataPaths, url: string): () => void {
  fs.writeFileSync(file, `${url}\n`, { mode: 0o600 });
  return () => fs.rmSync(file, { force: true });
}

/** Undefined if nobody serves: a process that was killed leaves the file, but no lock. */
export function servedUrl({ lock, url: file }: DataPaths): string | undefined {
  if (!isLocked(lock) || !fs.existsSync(file)) return undefined;
  return fs.readFileSync(file, 'utf8').trim() || undefined;
}

/** Whether it can be listened on is known before anything is read or written. Throws the system's error. */
export async function tryListening(listen: { readonly host: string; readonly port: number }): Promise<void> {
  const server = net.createServer().listen(listen);
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}
