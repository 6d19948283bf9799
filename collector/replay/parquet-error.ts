/** Records cannot be written there. In a file of its own: who only looks for it is not to load DuckDB. */
export class BadParquet extends Error {
  override readonly name = 'BadParquet';
}
