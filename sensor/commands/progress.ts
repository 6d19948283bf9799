/** On a terminal, a line that says how far the reading is; elsewhere nothing. */
import fs from 'node:fs';
import { count, plural } from '../status/text.ts';

export interface Progress {
  update(bytes: number, packets: number): void;
  /** Writes a line to standard error, above the bar if there is one. */
  say(text: string): void;
  stop(): void;
}

const redrawsPerSecondMax = 10;
const CLEAR_LINE = '\r\x1b[K';

const line = (text: string) => process.stderr.write(`${text}\n`);
const SILENT: Progress = { update() {}, say: line, stop() {} };

export async function startProgress(captures: readonly string[], quiet: boolean): Promise<Progress> {
  if (quiet || process.stderr.isTTY !== true) return SILENT;
  const { default: cliProgress } = await import('cli-progress');
  const total = captures.reduce((sum, file) => sum + (fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
  const started = performance.now();
  const bar = new cliProgress.SingleBar({
    fps: redrawsPerSecondMax,
    clearOnComplete: true,
    barsize: 18,
    format: (options, { progress }, { packets }) => {
      const rate = (packets / Math.max(1, performance.now() - started)) * 1000;
      const figures = `${plural(packets, 'packet')}  ${count(Math.round(rate))}/s`;
      if (total === 0) return ` ${figures}`;
      return ` ${cliProgress.Format.BarFormat(progress, options)} ${Math.floor(100 * progress)}%  ${figures}`;
    },
  });
  bar.start(Math.max(1, total), 0, { packets: 0 });
  return {
    update: (bytes, packets) => bar.update(bytes, { packets }),
    say: text => line(`${CLEAR_LINE}${text}`),
    stop: () => bar.stop(),
  };
}
