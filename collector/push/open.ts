/** A collector's own databases, opened to push what they have. */
import { archiveThread } from '../archive/past.ts';
import { openReadSide, type ReadSideOptions } from '../publish/api/read-powers.ts';
import type { Sender } from '../publish/exports/meta.ts';
import { Book } from './book.ts';
import type { MailSettings } from './mail.ts';
import type { PushPowers } from './round.ts';

export interface PushPlace {
  readonly data: ReadSideOptions['data'];
  /** Directory of the archive. */
  readonly archive: string;
  /** push.db. */
  readonly book: string;
  /** Held by the one process that delivers (common/sqlite/lock.ts). */
  readonly lock: string;
  /** Folder of files under way. */
  readonly spool: string;
  readonly sender: Sender;
  readonly mail?: MailSettings;
}

/** Throws `BadDatabase`. The registry must have been opened for writing before. */
export function openPush(
  { data, archive, book: file, spool, sender, mail }: PushPlace,
  { checked = false }: Pick<ReadSideOptions, 'checked'> = {},
): {
  powers: PushPowers;
  close(): void;
} {
  const book = Book.open(file);
  const side = openReadSide({ data, checked, past: archiveThread(archive).past() });
  const { store, reader, geographies, registry, members, digests } = side.powers;
  return {
    powers: {
      ...{ book, store, reader, geographies, registry, members, digests, sender, spool },
      ...(mail !== undefined && { mail }),
      now: Date.now,
    },
    close: () => {
      side.close();
      book.close();
    },
  };
}
