/** A thread that merges the segments of one tier of a day, tells what they become, and ends. */
import assert from 'node:assert/strict';
import os from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { MergingStart } from './merging.ts';
import { openStoreFile } from './schema.ts';
import { mergeTier } from './segments.ts';

assert(parentPort !== null, 'this is the program of a thread');
os.setPriority(os.constants.priority.PRIORITY_LOW); // of this thread alone: counting and acknowledging come first
const { file, tier, sourcesMax } = workerData as MergingStart;
const database = openStoreFile(file, true);
parentPort.postMessage(mergeTier(database, tier, sourcesMax));
database.close();
