/**
 * What a peer answers, looked at before any of it is kept: of the shape that /v1/openapi.json describes, of the days asked for,
 * numbers within bounds. Names of ports and countries become numbers; of text only the geography's name and date are left.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { ICMP, ICMPV6, protocolName } from '../../common/record/protocol.ts';
import { DAY_MS } from '../../common/time.ts';
import { dateOf } from '../reduce/result.ts';
import { countryNumber } from '../reduce/rows.ts';
import { type ListPage, PullFailed } from './client.ts';
import type { Cell, DayTable } from './peers.ts';
import { KEPT_ROWS, type KeptTable } from './schema.ts';

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Optional = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
const Octet = Type.Integer({ minimum: 0, maximum: 255 });
const DateText = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', maxLength: 10 });
const State = Type.Union([Type.Literal('open'), Type.Literal('closed'), Type.Literal('revised')]);
const Revision = Type.Integer({ minimum: 1, maximum: 2 ** 31 });
/** Other tables' names are of our choosing; a peer's geography is called as its operator likes. */
const GeoText = Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\p{C}<>]*$' });
const nameBytesMax = 8;

const FIGURES = {
  packets: Count,
  sources: Optional(Count),
  scanningSources: Optional(Count),
  meanPerSensor: Optional(Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  share: Type.Number({ minimum: 0, maximum: 1 }),
};
const TARGET = {
  protocol: Type.String({ pattern: '^[a-z0-9]+$', maxLength: nameBytesMax }),
  port: Optional(Type.Integer({ minimum: 0, maximum: 0xffff })),
  type: Optional(Octet),
  code: Optional(Octet),
};
const COUNTRY = { country: Type.String({ pattern: '^([A-Z]{2}|\\?\\?)$', maxLength: 2 }) };

const ListedDay = Compile(Type.Object({ date: DateText, state: State, revision: Revision }));
const TotalSchema = Type.Object({
  ...{ date: DateText, state: State, revision: Revision, ...FIGURES },
  ...{ geo: GeoText, built: GeoText },
});
const Total = Compile(TotalSchema);
const Head = Compile(
  Type.Object({ days: Type.Array(Type.Object({ date: DateText, revision: Revision }), { maxItems: 1 }) }),
);
const Row = { date: DateText, rank: Type.Integer({ minimum: 1, maximum: 2 ** 31 }), ...FIGURES };
const ROWS = {
  ports: Type.Object({ ...Row, ...TARGET }),
  countries: Type.Object({ ...Row, ...COUNTRY }),
  portCountries: Type.Object({ ...Row, ...TARGET, ...COUNTRY }),
};
type RowOf = Static<(typeof ROWS)[KeptTable]>;
/** Compiled: to interpret the schemas took 90 ms for a day of a member, in which no batch is acknowledged. */
const CHECKS: Readonly<Record<KeptTable, { Check(row: unknown): boolean }>> = {
  ports: Compile(ROWS.ports),
  countries: Compile(ROWS.countries),
  portCountries: Compile(ROWS.portCountries),
};

/** A closed day, as it is listed: days since 1970. */
export interface Listed {
  readonly day: number;
  readonly revision: number;
}

export type DayTotal = Static<typeof TotalSchema>;

const wrong = (what: string): PullFailed =>
  new PullFailed(`${what}: what answers is no collector of this version`, 200);

/**
 * A list's days, ascending: those that are closed, and all that are shown (one that is counted again is open for a while). Throws
 * `PullFailed` for a day outside of the range asked for, or one that is there twice.
 */
export function listedDays({ rows }: ListPage, from: number, to: number): { closed: Listed[]; shown: Set<number> } {
  const closed: Listed[] = [];
  const shown = new Set<number>();
  let before = from - 1;
  for (const row of rows) {
    const day = ListedDay.Check(row) ? dayOf(row.date) : undefined;
    if (day === undefined || day <= before || day > to) throw wrong('the list of days');
    const { state, revision } = row as { state: string; revision: number };
    if (state !== 'open') closed.push({ day, revision });
    shown.add(day);
    before = day;
  }
  return { closed, shown };
}

/** Undefined if the day has another revision by now. Throws `PullFailed`. */
export function totalOf({ rows }: ListPage, { day, revision }: Listed): DayTotal | undefined {
  const [row, ...more] = rows;
  if (!Total.Check(row) || more.length > 0 || row.date !== dateOf(day)) throw wrong(`${dateOf(day)}, its total`);
  return row.revision === revision && row.state !== 'open' ? row : undefined;
}

/** Undefined if the day has another revision by now. `whole` says that nothing is left out but what the page cuts off. */
export function tableOf(
  name: KeptTable,
  { head, rows, next }: ListPage,
  { day, revision }: Listed,
  whole: boolean,
): DayTable | undefined {
  const date = dateOf(day);
  const what = `${date}, its ${name === 'portCountries' ? 'ports by country' : name}`;
  if (!Head.Check(head) || head.days[0]?.date !== date || rows.length > KEPT_ROWS[name]) throw wrong(what);
  if (head.days[0].revision !== revision) return undefined;
  const cells: Cell[] = [];
  const seen = new Set<string>();
  for (const row of rows) {
    const cell = CHECKS[name].Check(row) && (row as RowOf).date === date ? cellOf(row as RowOf) : undefined;
    const key = `${cell?.a} ${cell?.b}`;
    if (cell === undefined || seen.has(key) || cell.packets > (cells.at(-1)?.packets ?? Infinity)) throw wrong(what);
    seen.add(key);
    cells.push(cell);
  }
  return { complete: whole && next === null, cells };
}

/** Undefined for a name that is none. */
function cellOf(row: RowOf): Cell | undefined {
  const { packets, sources, scanningSources, meanPerSensor, share } = row;
  const country = 'country' in row ? countryNumber(row.country) : undefined;
  const target = 'protocol' in row ? targetNumber(row) : undefined;
  if ('protocol' in row && target === undefined) return undefined;
  const [a, b] = country === undefined ? [target!, 0] : [country, target ?? 0];
  return { a, b, packets, sources, scanningSources, meanPerSensor, share };
}

const PROTOCOLS = new Map(Array.from({ length: 256 }, (_, number) => [protocolName(number), number]));

interface TargetName {
  readonly protocol: string;
  readonly port: number | null;
  readonly type: number | null;
  readonly code: number | null;
}

/** As in reduce/day.ts; undefined if it is none. */
export function targetNumber({ protocol, port, type, code }: TargetName): number | undefined {
  const number = PROTOCOLS.get(protocol);
  if (number === undefined) return undefined;
  if (number === ICMP || number === ICMPV6)
    return port === null && type !== null && code !== null ? (number << 16) | (type << 8) | code : undefined;
  return port !== null && type === null && code === null ? (number << 16) | port : undefined;
}

/** Days since 1970; undefined if there is no such day. */
export function dayOf(date: string): number | undefined {
  const day = Date.parse(`${date}T00:00:00Z`) / DAY_MS;
  return Number.isInteger(day) && day >= 0 && dateOf(day) === date ? day : undefined; // not the 30th of February
}
