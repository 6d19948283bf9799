/**
 * Who may see what. One pure function, `viewOf`, decides; whatever reads store or log for others takes the view that it gives
 * and can see nothing beyond it.
 *
 *   admin    everything
 *   member   all aggregates; how complete its own sensors are; raw records, without destination, of sources in its countries, AS
 *            numbers and prefixes; raw records, with destination, of its own sensors
 *   public   whole days, late, as `PublicRule` says; no address and no sensor in any form
 *
 * Observatories that publish quickly and finely were mapped within a week by sending marked probes and watching the graphs
 * (Bethencourt et al., Shinoda et al., USENIX Security 2005): the public's figures are made by guarded.ts.
 */
import { DAY_MS } from '../../../common/time.ts';
import { NETWORKS } from '../exports/meta.ts';

export interface PublicRule {
  /** Distinct sensors that must be behind whatever is shown, and organisations that own them. */
  readonly sensorsMin: number;
  readonly ownersMin: number;
  /** Whole days between the end of a day and its publication. */
  readonly lateDays: number;
  /** Significant digits that are left of a figure. */
  readonly digits: number;
  /** Rows of a table. */
  readonly rowsMax: number;
}

export const PUBLIC_RULE: PublicRule = { sensorsMin: 5, ownersMin: 3, lateDays: 2, digits: 2, rowsMax: 10 };

/** What is known of who reads: the organisation of the token, or nobody. */
export type Reader =
  | { readonly role: 'public' }
  | {
      readonly role: 'member' | 'admin';
      readonly organisation: string;
      readonly countries: readonly string[];
      readonly asns: readonly number[];
      readonly prefixes: readonly string[];
    };

export const PUBLIC: Reader = { role: 'public' };

/** Tables whose figures are kept for each sensor alone, so that what rests on few of them can be left out. */
export const PUBLIC_TABLES = ['total', 'classes', 'ports', 'countries'] as const;
export type PublicTable = (typeof PUBLIC_TABLES)[number];

export type What =
  | { readonly what: 'days' | 'total' | 'ranks' | 'files' | 'exports' }
  | { readonly what: 'table'; readonly table: string }
  | { readonly what: 'series'; readonly step: 'hour' | 'day' }
  | { readonly what: 'sensors' }
  /** Raw records by their sources, without destination; or of sensors, with it. */
  | { readonly what: 'records'; readonly of: 'sources' | 'sensors' }
  | { readonly what: 'export'; readonly country: string };

/** Every figure as it was counted. */
export interface WholeView {
  readonly kind: 'whole';
}
/** Figures as the rule leaves them, of closed days up to the last one that is late enough. */
export interface GuardedView {
  readonly kind: 'guarded';
  readonly rule: PublicRule;
  /** Days since 1970. */
  readonly lastDay: number;
}
/** Raw records of sources in these; of all where it is null. Never a destination, nor which sensor. */
export interface SourcesView {
  readonly kind: 'sources';
  readonly scope: {
    readonly countries: readonly string[];
    readonly asns: readonly number[];
    readonly prefixes: readonly string[];
  } | null;
}
/** What this organisation's sensors saw; of all sensors where it is null. */
export interface SensorsView {
  readonly kind: 'sensors';
  readonly owner: string | null;
}
export type Refused = { readonly kind: 'refused'; readonly why: 'token' | 'forbidden' };

export type AggregateView = WholeView | GuardedView;
export type View = AggregateView | SourcesView | SensorsView | Refused;

const WHOLE: WholeView = { kind: 'whole' };
const TOKEN: Refused = { kind: 'refused', why: 'token' };
const FORBIDDEN: Refused = { kind: 'refused', why: 'forbidden' };

/** What this reader sees of it. */
export function viewOf(reader: Reader, what: What, rule: PublicRule, nowMs: number): View {
  if (reader.role === 'public') return publicView(what, rule, nowMs);
  const isAdmin = reader.role === 'admin';
  const { organisation, countries, asns, prefixes } = reader;
  switch (what.what) {
    case 'sensors':
      return { kind: 'sensors', owner: isAdmin ? null : organisation };
    case 'records':
      if (what.of === 'sensors') return { kind: 'sensors', owner: isAdmin ? null : organisation };
      if (isAdmin) return { kind: 'sources', scope: null };
      if (countries.length + asns.length + prefixes.length === 0) return FORBIDDEN;
      return { kind: 'sources', scope: { countries, asns, prefixes } };
    case 'export':
      if (what.country === NETWORKS)
        return asns.length + prefixes.length > 0
          ? { kind: 'sources', scope: { countries: [], asns, prefixes } }
          : FORBIDDEN;
      if (isAdmin) return { kind: 'sources', scope: null };
      if (!countries.includes(what.country)) return FORBIDDEN;
      return { kind: 'sources', scope: { countries: [what.country], asns: [], prefixes: [] } };
    default:
      return WHOLE;
  }
}

function publicView(what: What, rule: PublicRule, nowMs: number): GuardedView | Refused {
  const view: GuardedView = { kind: 'guarded', rule, lastDay: lastPublicDay(rule, nowMs) };
  switch (what.what) {
    case 'days':
    case 'total':
    case 'ranks':
    case 'files':
      return view;
    case 'table':
      return (PUBLIC_TABLES as readonly string[]).includes(what.table) ? view : TOKEN;
    case 'series':
      return what.step === 'day' ? view : TOKEN;
    default:
      return TOKEN;
  }
}

/** The last day that ended `lateDays` whole days ago. */
const lastPublicDay = ({ lateDays }: PublicRule, nowMs: number): number => Math.floor(nowMs / DAY_MS) - lateDays - 1;
