/**
 * Something on the box that could answer: TCP on ports 22 and 80, UDP on 7, on every address, IPv6 and IPv4. It also begins
 * flows: `connect HOST PORT` on standard input prints `connected`, or the error's code.
 */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';

const connectMsMax = 1000;

for (const port of [22, 80]) {
  const server = net.createServer(socket => socket.on('error', () => {}).end());
  await once(server.listen(port, '::'), 'listening');
}
const echo = dgram.createSocket('udp6');
echo.on('message', (message, { address, port }) => echo.send(message, port, address, () => {}));
await new Promise<void>(resolve => echo.bind(7, '::', resolve));
process.stdout.write('ready\n');

for await (const line of createInterface({ input: process.stdin })) {
  const [, host, port] = line.split(' ');
  const socket = net.connect({ host: host!, port: Number(port) });
  const outcome = await Promise.race([
    once(socket, 'connect').then(
      () => 'connected',
      (error: NodeJS.ErrnoException) => error.code,
    ),
    once(AbortSignal.timeout(connectMsMax), 'abort').then(() => 'nothing'),
  ]);
  socket.on('error', () => {}).destroy();
  process.stdout.write(`${outcome}\n`);
}
