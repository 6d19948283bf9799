/** Opens a log, as a collector that starts does, and closes it. Argument: its directory. */
import { Log } from '../../collector/log/log.ts';

Log.open(process.argv[2]!).close();
