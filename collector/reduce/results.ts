/**
 * What a reduced day says, as rows a person or a program reads. Every table is complete and sorted by packets, most first,
 * ties by number or name, so that the same counts always give the same bytes.
 */

/** Packets and distinct source addresses. */
export interface Count {
  packets: number;
  sources: number;
}

/** A `Count` with its sources less those seen only in backscatter. */
export interface ScanCount extends Count {
  scanningSources: number;
}

/** What a packet was sent to: a port, or the type and code of an ICMP message. Protocols without ports have port 0. */
export type Target = { protocol: string; port: number } | { protocol: 'icmp' | 'icmpv6'; type: number; code: number };

export type PortRow = Target & ScanCount;
export type CountryRow = { country: string } & ScanCount;
export type AsnRow = { asn: number } & ScanCount;
/** `network` is a CIDR prefix: an observed IPv4 /24 or IPv6 /48. */
export type NetworkRow = { network: string } & ScanCount;
export type HourRow = { hour: number } & Count;
export type PortCountryRow = Target & { country: string } & ScanCount;
export type PortHourRow = Target & { hour: number } & Count;
/** Packets to a target by class, which sum to all, and by the marks of tools. */
export type PortKindRow = Target & Record<PacketClass | MarkedTool, number>;
export type CountryHourRow = { country: string; hour: number } & Count;
/**
 * Packets and sources of a country by class, and by tool: packets by the mark each carries, for Nmap those of confirmed sources; sources
 * once two packets confirmed the tool.
 */
export type CountryKindRow = { country: string; kind: PacketClass | Tool } & Count;
export type CountryAsnRow = { country: string; asn: number } & ScanCount;

export interface SourceRow {
  address: string;
  country: string;
  asn: number;
  packets: number;
  /** Distinct targets (protocol and port, or ICMP type and code) this source sent to. */
  ports: number;
  /** First and last packet of the UTC day, ISO 8601 with microseconds. */
  first: string;
  last: string;
}

export type PacketClass = 'scan' | 'backscatter' | 'other';
export type MarkedTool = 'mirai' | 'zmap' | 'masscan';
export type Tool = MarkedTool | 'nmap';

export interface DayResult {
  /** UTC, YYYY-MM-DD. */
  date: string;
  /** Records of the day. */
  packets: number;
  sources: number;
  scanningSources: number;
  ports: PortRow[];
  countries: CountryRow[];
  asns: AsnRow[];
  networks: NetworkRow[];
  classes: Record<PacketClass, Count>;
  /** Packets by the mark each carries, for Nmap those of confirmed sources; sources once two packets confirmed the tool. */
  tools: Record<Tool, Count>;
  /** 24 rows, one an hour. */
  hours: HourRow[];
  topSources: SourceRow[];
  /**
   * Present when the day had more sources than are kept: the share of them that was, which `tools` and `topSources` are from, and the
   * sources of `countryKinds` and `countryAsns`.
   */
  sample?: number;
  /** The finer tables, made when asked for: they can have millions of rows. */
  portCountries(): PortCountryRow[];
  portHours(): PortHourRow[];
  /** Of days counted before there was this table, none. */
  portKinds(): PortKindRow[];
  countryHours(): CountryHourRow[];
  /** Of days counted before there were these tables, none. Only rows with packets. */
  countryKinds(): CountryKindRow[];
  countryAsns(): CountryAsnRow[];
}

/** Name and build date (YYYY-MM-DD) of a geography database. */
export interface GeoSource {
  name: string;
  built: string;
}

export interface Results {
  /** Packets read from the captures: `records` plus the sum of `skipped`. */
  packets: number;
  records: number;
  /** Packets that became no record, by reason. */
  skipped: Record<string, number>;
  geo: GeoSource;
  /** The database of autonomous systems, where one was given. */
  asn?: GeoSource;
  days: DayResult[];
}
