/**
 * One UTC day, reduced: the tables a day's results are read from. Every count of sources is kept on two sides, backscatter and
 * all else, so that scanning sources can be told from all sources, which are the union of both.
 */
import { CLASSES } from '../../common/record/classify.ts';
import { CellTable, type CellTableData } from './cells.ts';
import type { DistinctLimits } from './distinct.ts';
import { SourceTable, type SourceTableData } from './sources.ts';

/** Distinct sources of a day: exact to 4,096, then within 0.81% (one standard error). */
export const DAY_SETS: DistinctLimits = { exactMax: 4096, p: 14 };
/** Distinct sources of a port in a country, of a port or country in an hour, or of one sensor: exact to 256, then within 1.6%. */
export const CELL_SETS: DistinctLimits = { exactMax: 256, p: 12 };

export const HOURS_PER_DAY = 24;

/** Side of a class, in the names of cells. */
export const SCANNING_SIDE = 0;
export const BACKSCATTER_SIDE = 1;
export const SIDES = 2;
/** Countries that a geography tells apart (common/geo/table.ts). */
export const COUNTRIES = 256;
/** A target is a protocol's number above 16 bits of port, or of ICMP type and code; with the side above it, it is a name. */
export const TARGET_BITS = 24;
export const TARGET_MASK = (1 << TARGET_BITS) - 1;

/** Kinds of packets: by class, of which a packet has one, and by the marks of tools, of which it may have any. */
export const KINDS = [...CLASSES, 'mirai', 'zmap', 'masscan'] as const;
/** The kinds from here on are marks, in the order of their bits (common/record/classify.ts). */
export const FIRST_MARK = CLASSES.length;
/** Kinds that are told of a country: its sources are known, and so those that Nmap shows in. */
export const COUNTRY_KINDS = [...KINDS, 'nmap'] as const;

/** Tells an IPv6 network from an IPv4 network in the second word of its name, beside the side. */
export const IPV6_NETWORK = 2;

/**
 * Every table with the limits of its sets. The two words of a cell's name:
 *
 *   total           side, 0                    classes        class, 0
 *   ports           target and side, 0         tools          tool, 0 (packets only)
 *   countries       country, side              hours          hour, 0
 *   portCountries   target and side, country   portHours      target, hour
 *   portKinds       target, kind (packets only; of classes "other" alone, for the sides of `ports` tell the rest)
 *   asns            ASN, side                  countryHours   country, hour
 *   countryKinds    country, kind (as portKinds: the sides of `countries` tell the rest)
 *   countryAsns     country, ASN (packets only: of which sources they are their rows tell)
 *   networks        IPv4: address >>> 8, side; IPv6: first 32 bits, next 16 bits << 2 | 2 | side
 *
 * The same for each sensor alone, where that is asked for (sensors.ts); else these are empty:
 *
 *   sensorTotal     0, sensor << 1 | side            sensorClasses        class, sensor
 *   sensorPorts     target and side, sensor          sensorHours          hour, sensor
 *   sensorCountries country, sensor << 1 | side      sensorCountryHours   country << 5 | hour, sensor
 */
export const TABLES = {
  total: DAY_SETS,
  classes: DAY_SETS,
  tools: DAY_SETS,
  ports: DAY_SETS,
  countries: DAY_SETS,
  portCountries: CELL_SETS,
  asns: DAY_SETS,
  networks: DAY_SETS,
  hours: DAY_SETS,
  portHours: CELL_SETS,
  portKinds: CELL_SETS,
  countryHours: CELL_SETS,
  countryKinds: CELL_SETS,
  countryAsns: CELL_SETS,
  sensorTotal: DAY_SETS,
  sensorClasses: CELL_SETS,
  sensorPorts: CELL_SETS,
  sensorCountries: CELL_SETS,
  sensorHours: CELL_SETS,
  sensorCountryHours: CELL_SETS,
} as const satisfies Record<string, DistinctLimits>;

export type TableName = keyof typeof TABLES;
export const TABLE_NAMES = Object.keys(TABLES) as TableName[];

export type Tables = Record<TableName, CellTable>;

/** Tables that the part with the targets alone has: what flows and hours say, without what sources say. */
const TARGET_TABLES: readonly TableName[] = [
  'ports',
  'portCountries',
  'portHours',
  'portKinds',
  'countryKinds',
  'countryAsns',
];

/** Written out, so that every day's tables are the same kind of object to the compiler. */
export const tablesOf = <T>(table: (name: TableName) => T): Record<TableName, T> => ({
  total: table('total'),
  classes: table('classes'),
  tools: table('tools'),
  ports: table('ports'),
  countries: table('countries'),
  portCountries: table('portCountries'),
  asns: table('asns'),
  networks: table('networks'),
  hours: table('hours'),
  portHours: table('portHours'),
  portKinds: table('portKinds'),
  countryHours: table('countryHours'),
  countryKinds: table('countryKinds'),
  countryAsns: table('countryAsns'),
  sensorTotal: table('sensorTotal'),
  sensorClasses: table('sensorClasses'),
  sensorPorts: table('sensorPorts'),
  sensorCountries: table('sensorCountries'),
  sensorHours: table('sensorHours'),
  sensorCountryHours: table('sensorCountryHours'),
});

export interface DayData {
  day: number;
  tables: Record<TableName, CellTableData>;
  sources: SourceTableData;
}

export class Day {
  /** Days since 1970. */
  readonly day: number;
  readonly tables: Tables;
  readonly sources: SourceTable;

  constructor(day: number, sourcesMax: number, data?: DayData) {
    this.day = day;
    this.sources = new SourceTable(sourcesMax, data?.sources);
    this.tables = tablesOf(name => new CellTable(TABLES[name], data?.tables[name]));
  }

  /** The arrays themselves: once they were transferred the day is not to be used. */
  data(): DayData {
    return { day: this.day, tables: tablesOf(name => this.tables[name].data()), sources: this.sources.data() };
  }

  /** Gives its memory back: it is not to be used any more. */
  free(): void {
    for (const name of TABLE_NAMES) this.tables[name].free();
    this.sources.free();
  }

  /** Joins to the part that has the sources of a day the one that has its targets (fold.ts), which is not to be used after. */
  join(targets: Day): void {
    for (const name of TABLE_NAMES)
      if (TARGET_TABLES.includes(name)) this.tables[name] = targets.tables[name];
      else this.tables[name].merge(targets.tables[name]);
  }

  /** Adds all that another state of the same day counted. */
  merge(other: Day): void {
    for (const name of TABLE_NAMES) this.tables[name].merge(other.tables[name]);
    this.sources.merge(other.sources);
  }
}
