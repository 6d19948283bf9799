/**
 * A TCP proxy on loopback that treats connections badly: by a seeded choice it delays, cuts on the way there, or lets a request
 * pass and swallows its reply. So requests arrive twice, late and in another order than they were sent.
 */

import type { AddressInfo } from 'node:net';
import net from 'node:net';
import type { Random } from './random.ts';

const delayMsMax = 60;
const cutBytesMax = 60_000;
const swallowMsMax = 300;

export interface RoughProxy {
  /** host:port to connect to in place of the target. */
  readonly host: string;
  /** From now on; before, every connection passes. */
  begin(): void;
  /** What was done to connections so far. */
  readonly done: Record<Treatment, number>;
  close(): Promise<void>;
}

export type Treatment = 'passed' | 'delayed' | 'cut' | 'swallowed';

/** `target` is asked for at each connection, for the port behind may change. */
export async function startRoughProxy(target: () => string, random: Random): Promise<RoughProxy> {
  const done: RoughProxy['done'] = { passed: 0, delayed: 0, cut: 0, swallowed: 0 };
  const open = new Set<net.Socket>();
  let begun = false;
  const server = net.createServer(client => {
    const treatment = !begun
      ? 'passed'
      : random.pick<Treatment>(['passed', 'passed', 'delayed', 'delayed', 'cut', 'swallowed']);
    done[treatment]++;
    const { hostname, port } = new URL(`http://${target()}`);
    const collector = net.connect(Number(port), hostname);
    for (const [socket, other] of [
      [client, collector],
      [collector, client],
    ] as const) {
      open.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
    }
    treat(treatment, client, collector, random);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    begin: () => {
      begun = true;
    },
    done,
    close: () =>
      new Promise(resolve => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function treat(treatment: Treatment, client: net.Socket, collector: net.Socket, random: Random): void {
  if (treatment === 'delayed') {
    const ms = random.below(delayMsMax); // one for all pieces: a connection keeps their order
    client.on('data', piece => void setTimeout(() => collector.write(piece), ms));
    collector.on('data', piece => void setTimeout(() => client.write(piece), ms));
    return;
  }
  if (treatment === 'cut') {
    let left = random.below(cutBytesMax);
    client.on('data', piece => {
      collector.write(piece.subarray(0, left));
      left -= piece.length;
      if (left <= 0) client.destroy();
    });
    collector.pipe(client);
    return;
  }
  client.pipe(collector);
  if (treatment === 'passed') collector.pipe(client);
  else {
    collector.on('data', () => {});
    collector.once('data', () => void setTimeout(() => client.destroy(), random.below(swallowMsMax)));
  }
}
