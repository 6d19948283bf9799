/** The thread that merges segments. */
import { workAside } from './aside.ts';
import type { MergingWork } from './merging.ts';
import { mergeTier } from './segments.ts';

workAside((database, { tier, sourcesMax }: MergingWork) => mergeTier(database, tier, sourcesMax));
