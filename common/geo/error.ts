/** A bad or missing database. The message says which file, what is wrong with it, and what to do. */
export class GeoError extends Error {
  override name = 'GeoError';

  constructor(file: string, wrong: string, remedy: string, cause?: unknown) {
    super(`${file}: ${wrong}; ${remedy}`, { cause });
  }
}
