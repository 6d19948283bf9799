/** Who sends exchange files, for commands: what is wrong with exports.json is the operator's to mend. */
import type { Sender } from '../publish/exports/meta.ts';
import { BadSender, readSender as read, type SenderSettings, wholeSender } from '../publish/sender.ts';
import { BadData, type DataPaths } from './data.ts';

/** Empty if there is no such file: flags may say it all. Throws `BadData` if it is of another form. */
export function readSender({ exports: file }: DataPaths): SenderSettings {
  try {
    return read(file);
  } catch (error) {
    if (error instanceof BadSender) throw new BadData(error.message, { cause: error });
    throw error;
  }
}

/** Where no flag adds to it: undefined unless the file says all. Throws `BadData`. */
export const senderOf = (paths: DataPaths): Sender | undefined => wholeSender(readSender(paths));
