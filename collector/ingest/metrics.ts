/**
 * What /metrics tells, by name: METRICS is the documentation. Beside these stand prom-client's own of the process
 * (`process_*`, `nodejs_*`). Labels are bounded: routes and outcomes by the program, sensors by the registry.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { SensorStatus } from '../../common/protocol/messages.ts';
import type { Powers } from './powers.ts';

/** name: [type, labels, help]. */
export const METRICS = {
  enaga_ready: ['gauge', [], '1 if batches are taken, as /readyz says'],
  enaga_http_requests_total: ['counter', ['method', 'route', 'status'], 'Requests answered'],
  enaga_http_request_seconds: ['histogram', ['route'], 'Time from the head of a request to its answer'],
  enaga_http_aborted_total: ['counter', [], 'Requests that ended before they had an answer'],
  enaga_http_dropped_connections_total: ['counter', [], 'Connections refused because there were too many'],
  enaga_http_malformed_total: ['counter', [], 'Connections that did not speak HTTP, or too slowly'],
  enaga_http_body_bytes: ['gauge', [], 'Booked for bodies being read or waiting for their commit'],
  enaga_batches_total: ['counter', ['outcome'], 'Batches by outcome: logged, duplicate, or the code of the problem'],
  enaga_batch_records_total: ['counter', [], 'Records of logged batches'],
  enaga_batch_bytes_total: ['counter', [], 'Bytes of logged batches as they travelled'],
  enaga_commits_total: ['counter', ['outcome'], 'Commits to the log: done or failed'],
  enaga_commit_seconds: ['histogram', [], 'Time of a commit to the log, with its sync to disk'],
  enaga_commit_batches: ['histogram', [], 'Batches that shared a commit'],
  enaga_log_position: ['gauge', [], 'Position of the last entry in the log'],
  enaga_store_position: ['gauge', [], 'Position in the log that the store has reached'],
  enaga_store_freshness_seconds: ['gauge', [], 'Age of the oldest logged batch that is not in the store; 0 if none'],
  enaga_log_damaged_batches: ['gauge', [], 'Batches in the log that are damaged, and so in no count'],
  enaga_ledger_left_out_batches: ['gauge', [], 'Batches in the log that are damaged, and so not in its ledger'],
  enaga_ledger_unread_heads: ['gauge', [], 'Batches in the log whose head, with what it told as lost, is none'],
  enaga_push_files_total: [
    'counter',
    ['target', 'outcome'],
    'Files tried by enaga serve: delivered, failed, given-up ...',
  ],
  enaga_push_waiting_files: ['gauge', [], 'Files that are still to be pushed'],
  enaga_push_oldest_waiting_seconds: ['gauge', [], 'For how long the oldest of them has been waiting; 0 if none is'],
  enaga_peer_pulls_total: ['counter', ['peer', 'outcome'], 'Pulls of a peer by enaga serve: done, or the trouble'],
  enaga_peer_last_pull_seconds: ['gauge', ['peer'], 'When it was last read to its end, seconds since 1970; 0 never'],
  enaga_sensor_batches_total: ['counter', ['sensor'], 'Batches logged of this sensor since the start'],
  enaga_sensor_records_total: ['counter', ['sensor'], 'Records logged of this sensor since the start'],
  enaga_sensor_last_batch_seconds: ['gauge', ['sensor'], 'When its last batch came, seconds since 1970'],
  enaga_sensor_last_heartbeat_seconds: ['gauge', ['sensor'], 'When its last heartbeat came, seconds since 1970'],
  enaga_sensor_clock_offset_seconds: ['gauge', ['sensor'], "Its clock less the collector's"],
  enaga_sensor_seen_packets: ['gauge', ['sensor'], 'Seen, by its own account, as all that follow'],
  enaga_sensor_recorded_packets: ['gauge', ['sensor'], 'Recorded'],
  enaga_sensor_kernel_dropped_packets: ['gauge', ['sensor'], 'Dropped by its kernel'],
  enaga_sensor_interrupted_packets: ['gauge', ['sensor'], 'Seen by a sensor that was killed before they were sealed'],
  enaga_sensor_skipped_packets: ['gauge', ['sensor'], 'Skipped, over all reasons'],
  enaga_sensor_open_records: ['gauge', ['sensor'], 'Recorded and not sealed'],
  enaga_sensor_spooled_records: ['gauge', ['sensor'], 'Sealed and not acknowledged'],
  enaga_sensor_spooled_bytes: ['gauge', ['sensor'], 'Of its spool that is not acknowledged'],
  enaga_sensor_shipped_records: ['gauge', ['sensor'], 'Acknowledged'],
  enaga_sensor_lost_records: ['gauge', ['sensor'], 'Lost from its spool'],
  enaga_sensor_quarantined_batches: ['gauge', ['sensor'], 'Refused by the collector and kept aside'],
  enaga_sensor_oldest_unshipped_seconds: ['gauge', ['sensor'], 'Age of its oldest batch not acknowledged; 0 if none'],
  enaga_sensor_alarms: ['gauge', ['sensor'], 'Things somebody should look at'],
} as const satisfies Record<string, readonly ['counter' | 'gauge' | 'histogram', readonly string[], string]>;

type Name = keyof typeof METRICS;
type NameOf<Type extends string> = { [N in Name]: (typeof METRICS)[N][0] extends Type ? N : never }[Name];
type Labels = Record<string, string | number>;

const BUCKETS: Record<NameOf<'histogram'>, number[]> = {
  enaga_http_request_seconds: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
  enaga_commit_seconds: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
  enaga_commit_batches: [1, 2, 4, 8, 16, 32, 64, 128, 256],
};

/** The metrics of one collector, in a registry of their own. */
export class Metrics {
  readonly registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();

  /** `process`: with those of the process, which are the same whoever asks. */
  constructor({ process = false }: { process?: boolean } = {}) {
    for (const [name, [type, labelNames, help]] of Object.entries(METRICS)) {
      const options = { name, help, labelNames, registers: [this.registry] };
      if (type === 'counter') this.#counters.set(name, new Counter(options));
      else if (type === 'gauge') this.#gauges.set(name, new Gauge(options));
      else {
        const buckets = BUCKETS[name as NameOf<'histogram'>];
        this.#histograms.set(name, new Histogram({ ...options, buckets }));
      }
    }
    if (process) collectDefaultMetrics({ register: this.registry });
  }

  add(name: NameOf<'counter'>, labels: Labels = {}, value = 1): void {
    this.#counters.get(name)!.inc(labels, value);
  }

  set(name: NameOf<'gauge'>, value: number, labels: Labels = {}): void {
    this.#gauges.get(name)!.set(labels, value);
  }

  /** With all its labels: what is gone has none any more. */
  clear(name: NameOf<'gauge'>): void {
    this.#gauges.get(name)!.reset();
  }

  observe(name: NameOf<'histogram'>, value: number, labels: Labels = {}): void {
    this.#histograms.get(name)!.observe(labels, value);
  }

  /** In the text format of Prometheus. */
  text(): Promise<string> {
    return this.registry.metrics();
  }
}

export function commitMetrics(metrics: Metrics, batches: number, seconds: number, done: boolean): void {
  metrics.add('enaga_commits_total', { outcome: done ? 'done' : 'failed' });
  metrics.observe('enaga_commit_seconds', seconds);
  metrics.observe('enaga_commit_batches', batches);
}

export function pipeMetrics(metrics: Metrics, powers: Pick<Powers, 'ready' | 'progress' | 'now'>): void {
  const { logPosition, storePosition, oldestUnfoldedMs, damaged } = powers.progress();
  metrics.set('enaga_ready', powers.ready().ok ? 1 : 0);
  metrics.set('enaga_log_position', logPosition);
  metrics.set('enaga_store_position', storePosition);
  metrics.set('enaga_log_damaged_batches', damaged);
  metrics.set(
    'enaga_store_freshness_seconds',
    oldestUnfoldedMs === null ? 0 : secondsSince(oldestUnfoldedMs, powers.now()),
  );
}

/** As the thread that pushes tells it. */
export function pushMetrics(
  metrics: Metrics,
  counted:
    | { readonly kind: 'file'; readonly target: string; readonly outcome: string }
    | { readonly kind: 'waiting'; readonly files: number; readonly sinceMs: number | null },
  nowMs: number,
): void {
  if (counted.kind === 'file') {
    const { target, outcome } = counted;
    metrics.add('enaga_push_files_total', { target, outcome });
    return;
  }
  const { files, sinceMs } = counted;
  metrics.set('enaga_push_waiting_files', files);
  metrics.set('enaga_push_oldest_waiting_seconds', sinceMs === null ? 0 : secondsSince(sinceMs, nowMs));
}

/** After a round of pulls: every peer there is. */
export function peerMetrics(
  metrics: Metrics,
  peers: readonly { readonly name: string; readonly doneMs: number | null; readonly trouble: string | null }[],
): void {
  metrics.clear('enaga_peer_last_pull_seconds');
  for (const { name: peer, doneMs, trouble } of peers) {
    metrics.add('enaga_peer_pulls_total', { peer, outcome: trouble ?? 'done' });
    metrics.set('enaga_peer_last_pull_seconds', (doneMs ?? 0) / 1000, { peer });
  }
}

export function sensorMetrics(metrics: Metrics, sensor: string, status: SensorStatus, nowMs: number): void {
  const set = (name: NameOf<'gauge'>, value: number) => metrics.set(name, value, { sensor });
  set('enaga_sensor_last_heartbeat_seconds', nowMs / 1000);
  if (status.clockOffsetMs !== null) set('enaga_sensor_clock_offset_seconds', status.clockOffsetMs / 1000);
  set('enaga_sensor_seen_packets', status.seen);
  set('enaga_sensor_recorded_packets', status.recorded);
  set('enaga_sensor_kernel_dropped_packets', status.kernelDrops);
  set('enaga_sensor_interrupted_packets', status.interrupted);
  set(
    'enaga_sensor_skipped_packets',
    Object.values(status.skipped).reduce((sum, packets) => sum + packets, 0),
  );
  set('enaga_sensor_open_records', status.open);
  set('enaga_sensor_spooled_records', status.spooled.records);
  set('enaga_sensor_spooled_bytes', status.spooled.bytes);
  set('enaga_sensor_shipped_records', status.shipped.records);
  set('enaga_sensor_lost_records', status.lost.records);
  set('enaga_sensor_quarantined_batches', status.quarantined);
  const oldest = status.oldestUnshipped === null ? Number.NaN : Date.parse(status.oldestUnshipped);
  set('enaga_sensor_oldest_unshipped_seconds', Number.isNaN(oldest) ? 0 : secondsSince(oldest, nowMs));
  set('enaga_sensor_alarms', status.alarms.length);
}

const secondsSince = (ms: number, nowMs: number): number => Math.max(0, (nowMs - ms) / 1000);
