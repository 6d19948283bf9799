/** Opens a spool, as a sensor that starts does, and closes it. Argument: its file. */
import { randomUUID } from 'node:crypto';
import { openSpool } from '../../sensor/spool/recover.ts';

openSpool(process.argv[2]!, { sensor: randomUUID(), epoch: 2, bytesMax: 2 ** 30, keepMs: 1e9 }).spool.close();
