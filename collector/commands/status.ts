/**
 * `enaga status`: whether the collector takes and counts batches, and what each sensor told of itself, as /readyz and /metrics of the
 * collector that runs on this data directory say it, beside what its log has.
 */
import type { IncomingMessage } from 'node:http';
import { Command } from 'commander';
import { sensorActivity } from '../log/ledger.ts';
import { count, plural } from '../publish/words.ts';
import { BadData, dataOption, existingData } from './data.ts';
import { reporting } from './outcome.ts';
import { isoTime, printJson, printLines, printTable, withRegistry } from './registry.ts';
import { ANY_HOST, servedUrl } from './served.ts';

const HELP = `
Healthy: the collector takes batches, what came is counted within five minutes, and every sensor that is enrolled was heard, or has
enrolled, within five minutes and has no alarm. One that was added and has not enrolled yet is listed, and is no trouble. The
figures of a sensor are those of its own account, as of its last heartbeat (one a minute); received is what the log has of it.

Exit codes: 0 healthy; 1 not, or nothing runs; 2 wrong usage.

Examples:
  enaga status
  enaga status --json | jq .troubles`;

const askMsMax = 10_000;
/** Not heard for so long, or not counted: heartbeats come each minute, and counting keeps within one. */
const silentSecondsMax = 300;

export function statusCommand(): Command {
  return new Command('status')
    .description('Say whether the collector and its sensors are well, and what each sensor sent')
    .option('--json', 'as JSON', false)
    .addOption(dataOption())
    .addHelpText('after', HELP)
    .action(reporting('status', showStatus));
}

interface SensorRow {
  readonly sensor: string;
  /** False: added, and not enrolled yet. */
  readonly enrolled: boolean;
  /** Times of ISO 8601; null: not since the collector started. */
  readonly heard: string | null;
  readonly lastBatch: string | null;
  /** By its own account; null as long as it was not heard. */
  readonly seen: number | null;
  readonly recorded: number | null;
  readonly waiting: number | null;
  readonly shipped: number | null;
  readonly lost: number | null;
  readonly received: number;
  readonly alarms: number;
}

async function showStatus({ data, json }: { data: string; json: boolean }): Promise<void> {
  const paths = existingData(data);
  const url = servedUrl(paths);
  if (url === undefined)
    throw new BadData(`nothing serves ${paths.root}: systemctl start enaga-collector, or enaga serve`);
  const ready = await get(`${url}/readyz`);
  const metrics = parseMetrics((await get(`${url}/metrics`)).text);
  const known = withRegistry(data, registry => {
    const received = sensorActivity(paths.log);
    return registry
      .sensors()
      .filter(({ revokedMs }) => revokedMs === null)
      .map(({ index, name }) => {
        const enrolledMs = registry.keys(index).at(-1)?.fromMs;
        return { row: rowOf(name, enrolledMs !== undefined, metrics, received.get(index)), enrolledMs };
      });
  });
  const sensors = known.map(({ row }) => row);
  const troubles = [
    ...readiness(ready),
    ...troublesOf(metrics),
    ...known.flatMap(({ row, enrolledMs }) =>
      enrolledMs === undefined ? [] : sensorTroubles(row, enrolledMs, metrics),
    ),
  ];
  if (json) printJson({ url, healthy: troubles.length === 0, troubles, sensors });
  else print(url, sensors, troubles);
  process.exitCode = troubles.length === 0 ? 0 : 1;
}

function print(url: string, sensors: readonly SensorRow[], troubles: readonly string[]): void {
  const number = (value: number | null) => (value === null ? '-' : count(value));
  printLines(`serves ${url}`, '');
  printTable(
    ['sensor', 'heard', 'last batch', 'seen', 'recorded', 'waiting', 'shipped', 'lost', 'received', 'alarms'],
    sensors.map(({ sensor, enrolled, heard, lastBatch, seen, recorded, waiting, shipped, lost, received, alarms }) => [
      sensor,
      enrolled ? (heard ?? '-') : 'not enrolled yet',
      lastBatch ?? '-',
      ...[seen, recorded, waiting, shipped, lost, received, alarms].map(number),
    ]),
  );
  printLines('', ...(troubles.length === 0 ? ['healthy'] : troubles.map(text => `! ${text}`)));
}

/** Values by name and sensor; those of no sensor under ''. */
type Values = ReadonlyMap<string, ReadonlyMap<string, number>>;

const SAMPLE = /^(\w+)(?:\{sensor="([^"]*)"\})? (\S+)$/gm;

function parseMetrics(text: string): Values {
  const values = new Map<string, Map<string, number>>();
  for (const [, name, sensor = '', value] of text.matchAll(SAMPLE)) {
    if (!values.has(name!)) values.set(name!, new Map());
    values.get(name!)!.set(sensor, Number(value));
  }
  return values;
}

function rowOf(
  sensor: string,
  enrolled: boolean,
  metrics: Values,
  logged: { readonly records: number; readonly lastReceivedMs: number | null } | undefined,
): SensorRow {
  const told = (name: string) => metrics.get(`enaga_sensor_${name}`)?.get(sensor);
  const heardSeconds = told('last_heartbeat_seconds');
  return {
    sensor,
    enrolled,
    heard: heardSeconds ? isoTime(heardSeconds * 1000) : null,
    lastBatch: isoTime(logged?.lastReceivedMs ?? null),
    seen: told('seen_packets') ?? null,
    recorded: told('recorded_packets') ?? null,
    waiting: told('spooled_records') ?? null,
    shipped: told('shipped_records') ?? null,
    lost: told('lost_records') ?? null,
    received: logged?.records ?? 0,
    alarms: told('alarms') ?? 0,
  };
}

const readiness = ({ status, text }: Reply): string[] => {
  if (status === 200) return [];
  const why: unknown = text.startsWith('{') ? JSON.parse(text).errors?.[0]?.message : undefined;
  return [`no batches are taken: ${why ?? `/readyz answers ${status}`}`];
};

function troublesOf(metrics: Values): string[] {
  const behind = metrics.get('enaga_store_freshness_seconds')?.get('');
  if (behind === undefined)
    return [
      'how the sensors are is told to this machine alone, over loopback: let it listen on 127.0.0.1 or on all addresses',
    ];
  return behind > silentSecondsMax ? [`counting is ${Math.round(behind)} s behind what came`] : [];
}

/** A sensor that has just enrolled, for the first time or again, has not had the time to be heard. */
function sensorTroubles({ sensor, heard, alarms }: SensorRow, enrolledMs: number, metrics: Values): string[] {
  const startedSeconds = metrics.get('process_start_time_seconds')?.get('');
  if (startedSeconds === undefined) return [];
  const heardMs = heard === null ? startedSeconds * 1000 : Date.parse(heard);
  const silent = (Date.now() - Math.max(heardMs, enrolledMs)) / 1000;
  const found =
    silent > silentSecondsMax
      ? [`${sensor} was not heard for ${Math.round(silent / 60)} minutes: its box, its network?`]
      : [];
  if (alarms > 0)
    found.push(`${sensor} has ${plural(alarms, 'alarm', 'alarms')}: enaga-sensor status there, or the log here`);
  return found;
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

/** Of this machine's own server, whose certificate is for another name than the one it is asked by here. */
function get(text: string): Promise<Reply> {
  const url = new URL(text.replace(`//${ANY_HOST}:`, '//127.0.0.1:'));
  const { get: ask } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  return new Promise((resolve, reject) => {
    const take = async (reply: IncomingMessage) => {
      let body = '';
      for await (const piece of reply.setEncoding('utf8')) body += piece;
      resolve({ status: reply.statusCode!, text: body });
    };
    const options = { rejectUnauthorized: false, timeout: askMsMax };
    const request = ask(url, options, reply => void take(reply).catch(reject)).on('error', reject);
    request.on('timeout', () => request.destroy(new BadData(`${url.origin} does not answer`)));
  });
}
