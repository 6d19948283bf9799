/**
 * Loaded before the program when it is a service (`node --import`): tells systemd when it is ready, and from time to time that its
 * main thread still turns, so that one that hangs is started again. Node cannot send to the socket that systemd listens on;
 * systemd-notify can.
 *
 * Ready is a collector when its HTTP server listens (it tries the port first, with another), and a sensor when it says on a channel
 * of its process that it reads packets: what keeps it from running (settings, the lock, the spool, an interface) ends it before.
 */
import { spawn } from 'node:child_process';
import { subscribe, tracingChannel } from 'node:diagnostics_channel';
import { isMainThread } from 'node:worker_threads';

const SENSOR_READY = 'enaga-sensor:ready';

const tell = word =>
  spawn('systemd-notify', [word], { stdio: 'ignore' })
    .on('error', () => {})
    .unref();

if (isMainThread && process.env.NOTIFY_SOCKET !== undefined) {
  const ready = () => tell('--ready');
  if (process.argv[2] === 'serve') {
    // For a collector alone: they take 8 MB of a sensor, which needs no server.
    const [http, https] = ['node:http', 'node:https'].map(process.getBuiltinModule);
    tracingChannel('net.server.listen').subscribe({
      asyncEnd: ({ server }) => void ((server instanceof http.Server || server instanceof https.Server) && ready()),
    });
  } else subscribe(SENSOR_READY, ready);
  const watchdogMs = Number(process.env.WATCHDOG_USEC ?? 0) / 1000;
  if (watchdogMs > 0) setInterval(tell, watchdogMs / 2, 'WATCHDOG=1').unref();
}
