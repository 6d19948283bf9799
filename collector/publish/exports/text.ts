/** How rows become text: in chunks, with times and escapes that every reader takes. */
import type { Row, Rows } from './row.ts';

/** Rows written at once: some hundreds of kilobytes. */
const chunkRows = 1024;

/** The rows' texts, one chunk after another, `between` two rows. */
export async function* joined(rows: Rows, textOf: (row: Row) => string, between = ''): AsyncGenerator<string> {
  let chunk = '';
  let count = 0;
  for await (const block of rows) {
    for (const row of block) {
      if (count > 0) chunk += between;
      chunk += textOf(row);
      if (++count % chunkRows !== 0) continue;
      yield chunk;
      chunk = '';
    }
  }
  if (chunk !== '') yield chunk;
}

const SECOND_US = 1_000_000;

/** Rows of one moment come together: the date is made once a second. */
let second = 0;
let secondText = '1970-01-01T00:00:00';

/** ISO 8601 in UTC with microseconds, without a zone: `2026-11-20T03:14:07.512345`. */
function momentText(us: number): string {
  const micros = us % SECOND_US;
  return `${secondOf(us)}.${String(micros).padStart(6, '0')}`;
}

/** `2026-11-20T03:14:07` */
export function secondOf(us: number): string {
  const now = Math.floor(us / SECOND_US);
  if (now !== second) {
    second = now;
    secondText = new Date(now * 1000).toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length);
  }
  return secondText;
}

/** RFC 3339 with `Z`. */
export const timeText = (us: number): string => `${momentText(us)}Z`;
/** The same as Python's `isoformat` writes it, which IntelMQ and MISP keep to. */
export const offsetTimeText = (us: number): string => `${momentText(us)}+00:00`;

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** For text and for attributes. What no XML 1.0 document may hold, escaped or not, becomes U+FFFD. */
export const xml = (text: string): string =>
  text
    .toWellFormed()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones XML forbids
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"']/g, found => ENTITIES[found]!)
    .replaceAll('\r', '&#13;');
