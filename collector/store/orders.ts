/** What the folding thread is given, told and says. */
import type { MessagePort } from 'node:worker_threads';
import type { HashKey } from '../reduce/hash.ts';
import type { OpenedBatch } from './batch.ts';
import type { ClosingOptions } from './closing.ts';
import type { Progress } from './tail.ts';

export interface FoldingOptions {
  /** Paths: the log's directory, the store's and the registry's file, the directory of geographies. */
  readonly data: { readonly log: string; readonly store: string; readonly registry: string; readonly geo: string };
  readonly hashKey: HashKey;
  readonly checkpointMs: number;
  readonly closing: ClosingOptions;
  /** Where what the log no longer has is asked for (log/past.ts). */
  readonly past?: MessagePort;
}

export type Order = 'wake' | 'stop' | OpenedBatch;

export type Answer =
  | { readonly kind: 'progress'; readonly progress: Progress; readonly handedBytesDone: number }
  | { readonly kind: 'said'; readonly text: string }
  | { readonly kind: 'stopped' };
