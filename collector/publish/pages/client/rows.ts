/** Rows of /v1 as the pages read them. */

import type { Target } from '../../../reduce/results.ts';
import { targetLabel } from '../../names.ts';

export interface SeriesRow {
  /** UTC, ISO 8601. */
  readonly start: string;
  readonly packets: number | null;
  readonly sources: number | null;
  readonly meanPerSensor: number | null;
}

export interface TargetKeys {
  readonly protocol: string;
  readonly port: number | null;
  readonly type: number | null;
  readonly code: number | null;
}

export interface CountryKeys {
  readonly country: string;
}

export interface Figures {
  readonly packets: number;
  readonly sources: number | null;
  readonly scanningSources: number | null;
  readonly meanPerSensor: number | null;
  readonly share: number;
}

export interface RankFigures extends Figures {
  readonly rank: number;
  readonly previousRank: number | null;
}

export interface DayRow {
  readonly date: string;
  readonly state: 'open' | 'closed' | 'revised';
  readonly revision: number;
  readonly packets: number;
  /** Of an open day: when the last batch that is counted in it was received. */
  readonly until?: string;
  /** Of autonomous systems, with its date; null where it was counted without one; not told to the public. */
  readonly asnDatabase?: string | null;
}

export interface TotalRow extends Omit<DayRow, 'packets'>, Figures {
  readonly geo: string;
  readonly built: string;
}

/** Where a subject stands in a ranking: `23/tcp`, or a country's code, beside its figures. */
export interface Ranked extends RankFigures {
  readonly key: string;
}

export type SubjectTable = 'ports' | 'countries';
export interface Subject {
  readonly table: SubjectTable;
  /** `23/tcp`, or a country's code. */
  readonly key: string;
}

export const labelOf = ({ protocol, port, type, code }: TargetKeys): string =>
  targetLabel(port === null ? ({ protocol, type, code } as Target) : { protocol, port });

export const keyOf = (row: Partial<TargetKeys & CountryKeys>): string => row.country ?? labelOf(row as TargetKeys);

/** A sensor as it is registered, and what it said of itself last. */
export interface SensorInfo {
  readonly sensor: string;
  readonly owner: string;
  readonly economy: string;
  readonly networks: readonly string[];
  readonly state: 'not enrolled' | 'enrolled' | 'revoked';
  readonly created: string;
  readonly lastBatch: string | null;
  readonly lastHeartbeat: string | null;
  readonly clockOffsetMs: number | null;
  readonly oldestUnshipped: string | null;
  readonly spooledRecords: number | null;
  readonly version: string | null;
  readonly alarms: readonly string[];
}
