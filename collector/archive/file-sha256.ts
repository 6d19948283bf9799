/** What a file of the archive is known by. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';

const pieceBytes = 2 ** 20;

/** In hexadecimal. */
export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The same, of a file of any length. */
export function fileSha256(file: string): string {
  const hash = createHash('sha256');
  const piece = new Uint8Array(pieceBytes);
  const handle = fs.openSync(file, 'r');
  try {
    for (let read = fs.readSync(handle, piece); read > 0; read = fs.readSync(handle, piece))
      hash.update(piece.subarray(0, read));
    return hash.digest('hex');
  } finally {
    fs.closeSync(handle);
  }
}
