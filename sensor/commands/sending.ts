/** The half of a run that keeps and sends: the spool, what ships from it, and the heartbeats. Captures are read beside it, in one
 * thread; a live run has it in a thread of its own (keeper.ts). */
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DAY_MS } from '../../common/time.ts';
import { readCa, readConfig, readKey, type SensorConfig } from '../enrol/config.ts';
import { type SensorPaths, sensorPaths } from '../enrol/paths.ts';
import { Client } from '../ship/client.ts';
import { beat, type HeartbeatOptions, heartbeatMs } from '../ship/heartbeat.ts';
import { Shipper } from '../ship/shipper.ts';
import { noteStarted } from '../spool/finished.ts';
import { tellInterrupted } from '../spool/open.ts';
import { openSpool } from '../spool/recover.ts';
import { takeReserve } from '../spool/reserve.ts';
import type { Spool } from '../spool/spool.ts';
import { plural } from '../status/text.ts';
import { collectorOf, Failed } from './options.ts';
import type { RunFlags } from './run.ts';
import { type Run, stopMsMax } from './running.ts';
import { Settings } from './settings.ts';

export interface Sending {
  readonly spool: Spool;
  readonly shipper: Shipper;
  readonly heartbeat: HeartbeatOptions;
  /** Sends no more, and closes the spool. */
  close(): Promise<void>;
}

/** Opens the state, whose lock the caller holds, and begins to send. Throws what keeps it from running. */
export function startSending(flags: RunFlags, { say, fail }: Omit<Run, 'signal'>): Sending {
  const paths = sensorPaths(flags.state);
  const config = readConfig(paths);
  const spool = openState(flags, paths, config, say);
  noteStarted(spool.database);
  const settings = new Settings({ paths, config, alarms: spool.alarms, say });
  settleEpoch(spool, config, settings);
  tellRunBefore(spool, say);
  const ca = readCa(paths, config);
  const client = new Client({
    collector: collectorOf(config),
    key: { id: config.keyId, privateKey: readKey(paths, config) },
    ...(ca !== undefined && { ca }),
  });
  const shipper = new Shipper({ spool, client, say, onEpoch: epoch => settings.setEpoch(epoch), onFailure: fail });
  const heartbeat: HeartbeatOptions = {
    spool,
    client,
    say,
    onGaps: () => shipper.wake(),
    onNetworks: networks => settings.setNetworks(networks),
  };
  const told = beat(heartbeat).catch(fail);
  const beats = setInterval(() => void beat(heartbeat).catch(fail), heartbeatMs);
  shipper.wake();
  return {
    spool,
    shipper,
    heartbeat,
    close: async () => {
      await Promise.race([told, sleep(stopMsMax, undefined, { ref: false })]);
      clearInterval(beats);
      await shipper.stop(stopMsMax);
      client.close();
      spool.close();
    },
  };
}

/** What it had not sealed. Now is the time to take room for this run's. */
function tellRunBefore(spool: Spool, say: (text: string) => void): void {
  const { recorded, inReserve } = tellInterrupted(spool);
  takeReserve(spool.database);
  if (recorded === 0) return;
  const records = plural(recorded, 'record');
  if (inReserve) say(`the run before could keep nothing on a full disk: ${records} of it are lost, and counted`);
  else say(`the run before was killed: ${records} of it had not been sealed`);
}

/** A spool that is behind the configuration was set back: its sequences may be used already. */
function settleEpoch(spool: Spool, config: SensorConfig, settings: Settings): void {
  const epoch = spool.epoch < config.epoch ? config.epoch + 1 : spool.epoch;
  if (epoch !== config.epoch) settings.setEpoch(epoch);
  if (epoch !== spool.epoch) spool.openEpoch(epoch);
}

/** A state that is not there or damaged may have used the epoch that the configuration knows: the next begins. */
function openState(flags: RunFlags, paths: SensorPaths, config: SensorConfig, say: (text: string) => void): Spool {
  const { spool, putAside } = openSpool(paths.spool, {
    sensor: config.sensor,
    epoch: config.epoch + 1,
    bytesMax: flags.spoolBytes,
    keepMs: flags.keepDays * DAY_MS,
    diskFree: () => {
      const { bavail, bsize } = fs.statfsSync(paths.stateDirectory);
      return bavail * bsize;
    },
  });
  if (putAside !== undefined)
    say(`the spool was damaged: it is put aside as ${putAside}, and epoch ${spool.epoch} begins`);
  if (spool.sensor === config.sensor) return spool;
  spool.close();
  throw new Failed(`${paths.stateDirectory} holds the state of another sensor: give this one a directory of its own`);
}
