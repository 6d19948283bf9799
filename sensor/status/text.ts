/** The account for people. */
import { type Account, imbalance } from './account.ts';
import type { Runs } from './health.ts';

export interface Identity {
  readonly sensor: string;
  readonly name: string;
  readonly collector: string;
  readonly networks: readonly string[];
}

const grouped = new Intl.NumberFormat('en');
export const count = (value: number): string => grouped.format(value);
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

const labelWidth = 22;
const row = (label: string, text: string): string => `  ${label.padEnd(labelWidth)}${text}`;

const SPANS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
] as const;

function ago(moment: string | null, nowMs: number): string {
  if (moment === null) return 'never';
  const ms = Math.max(0, nowMs - Date.parse(moment));
  const [unitMs, unit] = SPANS.find(([span]) => ms >= span) ?? [1000, 's'];
  return `${moment.replace('T', ' ').replace(/\.\d+Z/, ' UTC')} (${Math.floor(ms / unitMs)} ${unit} ago)`;
}

function headline({ running, finished }: Runs, healthy: boolean): string {
  if (!running && !finished) return 'DOES NOT RUN: the end says more';
  return `${running ? 'runs' : 'has read its captures'}, ${healthy ? 'healthy' : 'NOT HEALTHY: the end says why'}`;
}

/** A page of lines, ending with a newline. */
export function statusText(
  account: Account,
  { runs, troubles, ...identity }: Identity & { readonly runs: Runs; readonly troubles: readonly string[] },
  nowMs: number,
): string {
  const { spooled, shipped, lost, clockOffsetMs } = account;
  const skipped = Object.entries(account.skipped).map(([reason, packets]) => row(`skipped: ${reason}`, count(packets)));
  const batches = (part: { batches: number; records: number }) =>
    `${count(part.records)} in ${plural(part.batches, 'batch', 'batches')}`;
  const { seen, recorded } = imbalance(account);
  return `${[
    `${identity.name}: ${headline(runs, troubles.length === 0)}`,
    row('sensor', `${identity.sensor}, epoch ${account.epoch}`),
    row('collector', identity.collector),
    row('observes', identity.networks.join(', ')),
    '',
    row('seen', plural(account.seen, 'packet')),
    row('dropped by the kernel', count(account.kernelDrops)),
    row('interrupted', count(account.interrupted)),
    ...(skipped.length === 0 ? [row('skipped', '0')] : skipped),
    row('recorded', count(account.recorded)),
    row('  open', count(account.open)),
    row('  spooled', batches(spooled)),
    row('  shipped', batches(shipped)),
    row('  lost', `${batches(lost)}${account.quarantined > 0 ? `, ${count(account.quarantined)} put aside` : ''}`),
    row(
      'balance',
      seen === 0 && recorded === 0
        ? 'seen = dropped + interrupted + skipped + recorded; recorded = open + spooled + shipped + lost'
        : `wrong by ${count(seen)} seen, ${count(recorded)} recorded`,
    ),
    '',
    row('oldest unshipped', account.oldestUnshipped === null ? 'none' : ago(account.oldestUnshipped, nowMs)),
    row('last acknowledgement', ago(account.lastAcknowledgement, nowMs)),
    row('clock offset', clockOffsetMs === null ? 'not known yet' : `${count(clockOffsetMs)} ms`),
    '',
    ...(troubles.length === 0 ? ['healthy'] : troubles.map(text => `! ${text}`)),
  ].join('\n')}\n`;
}
