/** The thread that makes what is kept of a closed day. */
import { workAside } from './aside.ts';
import { closedDay } from './closed-day.ts';
import type { ClosingWork } from './closer.ts';

workAside((database, { day, sourcesMax }: ClosingWork) => closedDay(database, day, sourcesMax));
