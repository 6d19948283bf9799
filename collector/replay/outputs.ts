/** Where results go, looked at before anything is counted: a long replay is not to end with a path that was mistyped. */
import fs from 'node:fs';
import path from 'node:path';

interface Outputs {
  /** Files; JSON may go to standard output, `-`. */
  readonly json?: string;
  readonly report?: string;
  /** Directories, made if need be. */
  readonly csv?: string;
  readonly parquet?: string;
}

/** The first that cannot be written, with its option and what to do about it; undefined if none is known to be so. */
export function outputTrouble({ json, report, csv, parquet }: Outputs): string | undefined {
  const looks = [
    ['--json', json === '-' ? undefined : json, fileTrouble],
    ['--csv', csv, directoryTrouble],
    ['--parquet', parquet, directoryTrouble],
    ['--report', report, fileTrouble],
  ] as const;
  for (const [option, where, look] of looks) {
    const trouble = where === undefined ? undefined : said(look, where);
    if (trouble !== undefined) return `${option} ${where}: ${trouble}`;
  }
  return undefined;
}

/** Of what happens for all that; Node's words for a full disk name a call of the system alone. */
export const writingTrouble = ({ code, message }: NodeJS.ErrnoException): string =>
  code === 'ENOSPC' || code === 'EDQUOT'
    ? 'there is no room for what is to be written: make some, or name another place'
    : message;

function said(look: (where: string) => string | undefined, where: string): string | undefined {
  try {
    return look(where);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code === 'EROFS') return 'this file system can only be read: name another place';
    return code === 'EACCES' || code === 'EPERM' ? 'this user may not write there: name another place' : message;
  }
}

/** A regular file is written beside its name, and renamed: the directory is what matters. */
function fileTrouble(file: string): string | undefined {
  const found = statOf(file);
  if (found?.isDirectory()) return 'this is a directory: name a file';
  if (file === '' || file.endsWith(path.sep)) return 'this is no name of a file: name one';
  if (found !== undefined && !found.isFile()) {
    fs.accessSync(file, fs.constants.W_OK);
    return undefined;
  }
  const folder = path.dirname(path.resolve(file));
  const holds = statOf(folder);
  if (holds === undefined) return `there is no directory ${folder}: make it, or name another place`;
  return holds.isDirectory() ? directoryTrouble(folder) : `${folder} is a file: name another place`;
}

/** Of one that is not there, the one that it would be made in. */
function directoryTrouble(directory: string): string | undefined {
  if (directory === '') return 'this is no name of a directory: name one';
  let nearest = path.resolve(directory);
  let found = statOf(nearest);
  while (found === undefined) {
    nearest = path.dirname(nearest);
    found = statOf(nearest);
  }
  if (found.isDirectory()) {
    fs.accessSync(nearest, fs.constants.W_OK | fs.constants.X_OK);
    return undefined;
  }
  return nearest === path.resolve(directory)
    ? 'this is a file: name a directory'
    : `${nearest} is a file: name another place`;
}

const statOf = (where: string): fs.Stats | undefined => fs.statSync(where, { throwIfNoEntry: false });
