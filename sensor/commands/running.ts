/** What the parts of a run share. */
import type { HeartbeatOptions } from '../ship/heartbeat.ts';
import type { Shipper } from '../ship/shipper.ts';
import type { Spool } from '../spool/spool.ts';
import type { Progress } from './progress.ts';
import type { RunFlags } from './run.ts';

/** Age of a batch's first packet at which it is sealed. */
export const batchMsMax = 10_000;
/** For what is under way when a signal ends the run. */
export const stopMsMax = 5000;

export interface Session {
  readonly flags: RunFlags;
  readonly spool: Spool;
  readonly shipper: Shipper;
  readonly heartbeat: HeartbeatOptions;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Something broke beside the reading: ends the run with this. */
  readonly fail: (error: unknown) => void;
}
