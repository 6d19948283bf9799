/**
 * The three ways a listing is written. JSON is one object: what the listing says of itself, then `rows`, a row a line. NDJSON is
 * the rows alone, CSV (RFC 4180: header, comma, CRLF) the same with a column a key, null as nothing, lists with spaces between.
 */

export type Cell = string | number | boolean | null | readonly (string | number)[];
export type Row = Readonly<Record<string, Cell>>;

export interface Listing {
  readonly head: Readonly<Record<string, unknown>>;
  /** Keys of every row, in their order. */
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** Of the next page; undefined at the end. */
  readonly next?: string;
}

export const FORMATS = ['json', 'ndjson', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

export const MEDIA_TYPES: Record<Format, string> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8; header=present',
};

const ACCEPTED: Record<string, Format> = {
  'application/json': 'json',
  'application/*': 'json',
  '*/*': 'json',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'text/csv': 'csv',
  'text/*': 'csv',
};

/** Of an Accept header (RFC 9110 12.5.1): the best of its own, the first of equals; undefined if none is known. */
export function formatFor(accept: string | undefined): Format | undefined {
  if (accept === undefined || accept.trim() === '') return 'json';
  let best: { readonly format: Format; readonly quality: number } | undefined;
  for (const part of accept.split(',')) {
    const [name = '', ...parameters] = part.split(';').map(one => one.trim().toLowerCase());
    const weight = parameters.find(one => one.startsWith('q='));
    const quality = weight === undefined ? 1 : Number(weight.slice(2));
    if (!Object.hasOwn(ACCEPTED, name) || !(quality > (best?.quality ?? 0))) continue;
    best = { format: ACCEPTED[name]!, quality };
  }
  return best?.format;
}

export function textOf(listing: Listing, format: Format): string {
  if (format === 'json') return jsonText(listing);
  if (format === 'ndjson') return listing.rows.map(row => `${JSON.stringify(row)}\n`).join('');
  return csvText(listing);
}

function jsonText({ head, rows, next }: Listing): string {
  const before = JSON.stringify({ ...head, next: next ?? null }).slice(0, -1);
  const lines = rows.map(row => `\n${JSON.stringify(row)}`).join(',');
  return `${before},"rows":[${lines}${rows.length === 0 ? '' : '\n'}]}\n`;
}

function csvText({ columns, rows }: Listing): string {
  const line = (cells: readonly string[]) => `${cells.join(',')}\r\n`;
  return line([...columns]) + rows.map(row => line(columns.map(column => cellText(row[column]!)))).join('');
}

/** Whatever a spreadsheet would take for a formula cannot occur: names are ours, or letters, digits, dots and dashes. */
function cellText(cell: Cell): string {
  if (cell === null) return '';
  const text = typeof cell === 'object' ? cell.join(' ') : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
