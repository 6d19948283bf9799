/**
 * Reads CSV (RFC 4180: fields may be quoted, and then hold commas, quotes and line ends) out of bytes as they come, in bounded
 * memory. What cannot be CSV is damage, with the byte where it is found: what came before it counts.
 */
export interface CsvDamage {
  /** Bytes from the start, decompressed. */
  readonly offset: number;
  readonly reason: string;
  /** The file is compressed. */
  readonly unpacked?: true;
}

/** Characters of a line: a capture's line has some hundred. */
const lineMax = 1 << 20;

/** Yields each line's fields; returns the damage, if there is some. A line without anything is left out. */
export async function* csvLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string[], CsvDamage | undefined> {
  const decoder = new TextDecoder('utf-8');
  let [fields, field, length]: [string[], string, number] = [[], '', 0];
  let state: 'start' | 'plain' | 'quoted' | 'ended' = 'start';
  let offset = 0;
  const endField = () => {
    fields.push(field);
    field = '';
    state = 'start';
  };
  for await (const piece of bytes) {
    for (const character of decoder.decode(piece, { stream: true })) {
      if (++length > lineMax) return { offset, reason: `a line is longer than ${lineMax} characters` };
      if (state === 'quoted') {
        if (character === '"') state = 'ended';
        else field += character;
      } else if (character === ',') endField();
      else if (character === '\n') {
        if (field.endsWith('\r') && state !== 'ended') field = field.slice(0, -1);
        endField();
        if (fields.length > 1 || fields[0] !== '') yield fields;
        [fields, length] = [[], 0];
      } else if (character === '"' && state !== 'plain') {
        if (state === 'ended') field += '"'; // two quotes are one
        state = 'quoted';
      } else if (state === 'ended') {
        if (character !== '\r') return { offset, reason: 'text after the end of a quoted field' };
      } else {
        field += character;
        state = 'plain';
      }
    }
    offset += piece.length;
  }
  if (state === 'quoted') return { offset, reason: 'it ends within a quoted field' };
  if (fields.length === 0 && field === '') return undefined;
  fields.push(field.replace(/\r$/, ''));
  yield fields;
  return undefined;
}
