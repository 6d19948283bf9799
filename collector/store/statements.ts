/** Statements that are prepared once for each file that is open: SQLite takes longer to prepare most of them than to answer. */
import type { SqliteDatabase } from '../../common/sqlite/open.ts';

/** `make`, called once a file. What it makes is kept for as long as the file's connection is. */
export function perFile<Made>(make: (database: SqliteDatabase) => Made): (database: SqliteDatabase) => Made {
  const kept = new WeakMap<SqliteDatabase, { readonly made: Made }>();
  return database => {
    const known = kept.get(database);
    if (known !== undefined) return known.made;
    const made = make(database);
    kept.set(database, { made });
    return made;
  };
}
