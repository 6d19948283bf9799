/**
 * A line on a terminal that says how far a replay is: share, bytes, packets, rate and time left where the size is known,
 * packets and rate where it is not (standard input). Anywhere but on a terminal, or when asked to be quiet, it says nothing.
 */

import { count } from '../publish/words.ts';

/** What it needs of standard error. */
export interface ProgressStream extends NodeJS.WritableStream {
  isTTY?: boolean;
}

export interface ProgressOptions {
  /** Bytes of all captures; absent when one of them has no known size. */
  total?: number;
  stream: ProgressStream;
  quiet: boolean;
}

export interface Progress {
  update(bytesDone: number, packets: number): void;
  /** Takes the line away. To be called before anything else is written. */
  stop(): void;
}

const redrawsPerSecondMax = 10;
/** Before this much time a rate is chance. */
const rateAfterMs = 300;

const SILENT: Progress = { update() {}, stop() {} };

/** Bytes with one decimal and a decimal unit, as disks and networks count. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(1)} ${['kB', 'MB', 'GB', 'TB'][power - 1]}`;
}

/** 7 s, 2:05 min, 1:02 h. */
export function durationText(seconds: number): string {
  const whole = Math.ceil(seconds);
  const pair = (large: number, small: number) => `${large}:${String(small).padStart(2, '0')}`;
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${pair(Math.floor(whole / 60), whole % 60)} min`;
  return `${pair(Math.floor(whole / 3600), Math.floor((whole % 3600) / 60))} h`;
}

/** The text of a moment: bytes and packets done, of how many bytes, after how long. */
export function progressText(
  bytesDone: number,
  packets: number,
  total: number | undefined,
  elapsedMs: number,
  bar = '',
): string {
  const rate = elapsedMs < rateAfterMs ? '' : `  ${count((packets / elapsedMs) * 1000)}/s`;
  if (total === undefined || total === 0) return ` ${bytesText(bytesDone)}  ${count(packets)} packets${rate}`;
  const part = Math.min(1, bytesDone / total);
  const left =
    part > 0 && part < 1 && elapsedMs >= rateAfterMs
      ? `  ${durationText((elapsedMs * (1 - part)) / part / 1000)} left`
      : '';
  const percent = `${Math.floor(100 * part)}%`.padStart(4);
  return ` ${bar}${percent}  ${bytesText(bytesDone)} of ${bytesText(total)}  ${count(packets)} packets${rate}${left}`;
}

/** Starts the line; `update` may be called as often as one likes. */
export async function startProgress({ total, stream, quiet }: ProgressOptions): Promise<Progress> {
  if (quiet || stream.isTTY !== true) return SILENT;
  const { default: cliProgress } = await import('cli-progress'); // most replays have no terminal to wait for
  const started = performance.now();
  const bar = new cliProgress.SingleBar({
    stream,
    fps: redrawsPerSecondMax,
    clearOnComplete: true,
    barsize: 18,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    format: (options, { progress, value }, { packets }) =>
      progressText(
        value,
        packets,
        total,
        performance.now() - started,
        `${cliProgress.Format.BarFormat(progress, options)} `,
      ),
  });
  bar.start(total ?? 0, 0, { packets: 0 });
  return {
    update: (bytesDone, packets) => bar.update(bytesDone, { packets }),
    stop: () => bar.stop(),
  };
}
