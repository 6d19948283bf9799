/** What the system refused, in words and with what to do: its own say neither. */
import fs from 'node:fs';
import path from 'node:path';

/** As Node throws them; which of these are there depends on the call. */
interface SystemError extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
}

const OWNER = 'this user may not use it: run as its owner, or give it to this user';
const NO_ROOM = 'the disk has no room: make some, and try again';

/** Of a file, after its path. */
const FILE: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory: check the path',
  ENOTDIR: 'a part of this path is no directory: check it',
  EISDIR: 'this is a directory: name a file',
  EEXIST: 'there is such a file already: name another',
  EACCES: OWNER,
  EPERM: OWNER,
  EROFS: 'this file system can only be read: name another place',
  ENOSPC: NO_ROOM,
  EDQUOT: NO_ROOM,
};

/** Of a database: SQLite does not say of which. */
const DATABASE: Readonly<Record<string, string>> = {
  SQLITE_CANTOPEN: 'a database of the data directory cannot be opened: is this user its owner?',
  SQLITE_READONLY: 'this user may not write the databases of the data directory: run as its owner',
  SQLITE_BUSY: 'another process keeps a database busy: try again',
  SQLITE_FULL: NO_ROOM,
};

const place = ({ address = '', port }: SystemError): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`;

const LISTEN: Readonly<Record<string, (error: SystemError) => string>> = {
  EADDRINUSE: error => `another program listens on ${place(error)}: choose another --listen`,
  EADDRNOTAVAIL: ({ address }) => `${address} is no address of this machine: choose another --listen`,
  EACCES: error => `this user may not listen on ${place(error)}: choose a port above 1023 with --listen`,
};

/** One line; the error's own message where there are no better words. */
export function troubleText(error: Error): string {
  const { code = '', syscall, path: file, hostname, message } = error as SystemError;
  if (syscall === 'listen' && Object.hasOwn(LISTEN, code)) return LISTEN[code]!(error);
  if (syscall === 'getaddrinfo') return `the name ${hostname} is not known: check it`;
  if (code.startsWith('SQLITE_')) return DATABASE[/^SQLITE_[A-Z]+/.exec(code)![0]] ?? message;
  if (syscall === 'mkdir' && code === 'ENOENT') return `${file}: no directory can be made there: name another place`;
  if (!Object.hasOwn(FILE, code)) return message;
  return file === undefined ? FILE[code]! : `${file}: ${FILE[code]}`;
}

/** The file's bytes; what is thrown names it, as Node does not for a directory. */
export function readNamed(file: string): Buffer {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    throw Object.assign(error as NodeJS.ErrnoException, { path: file });
  }
}

/** With those above it. Node's own tries for ever where none can be made, as in /proc. Throws the system's error. */
export function makeDirectory(dir: string): void {
  if (fs.existsSync(dir)) return;
  makeDirectory(path.dirname(dir));
  fs.mkdirSync(dir);
}
