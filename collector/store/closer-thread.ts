/** The thread that makes what is kept of a closed day. */
import { workAside } from './aside.ts';
import { closedDay } from './closed-day.ts';
import type { ClosingWork } from './closer.ts';

// Of one state of the store: its segments may be merged meanwhile.
workAside((database, { day, sourcesMax }: ClosingWork) =>
  database.transaction(() => closedDay(database, day, sourcesMax))(),
);
