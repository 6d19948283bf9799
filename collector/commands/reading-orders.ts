/** What the reading thread is given, told and says. */
import type { MessagePort } from 'node:worker_threads';
import type { AppOptions } from '../ingest/app.ts';
import type { Heard } from '../publish/api/admin-powers.ts';
import type { Budgets } from '../publish/api/auth.ts';
import type { ReadSideOptions } from '../publish/api/read-powers.ts';

export interface ReadingData extends Pick<ReadSideOptions, 'data' | 'rule'> {
  /** exports.json. */
  readonly senderFile: string;
  readonly app: Pick<AppOptions, 'logLevel' | 'version' | 'metricsFor'>;
  readonly budgets: Budgets;
  /** By sensors' indices, as they said last. */
  readonly heard: ReadonlyMap<number, Heard>;
  /** Where what the log no longer has is asked for (log/past.ts). */
  readonly past: MessagePort;
}

/** And the path of the socket that it answers on. */
export type ReadingStart = ReadingData & { readonly socket: string };

export type ReadingOrder =
  | { readonly kind: 'heard'; readonly sensor: number; readonly heard: Heard }
  | { readonly kind: 'stop' };

type Labels = Readonly<Record<string, string | number>>;

/** What its requests come to in the metrics, which stand in the main thread. */
export interface Measured {
  readonly how: 'add' | 'observe';
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

export type ReadingSaid =
  | { readonly kind: 'listening' }
  | { readonly kind: 'measured'; readonly measured: Measured }
  /** The disk failed. */
  | { readonly kind: 'fatal'; readonly error: Error };
