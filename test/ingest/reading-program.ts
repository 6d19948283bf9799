/** In place of the reading thread: tells what it was asked, never ends an answer, or dies, as it is asked to. */
import http from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

const port = parentPort!;
const { socket, failing = false, deaf = false } = workerData as { socket: string; failing?: boolean; deaf?: boolean };
if (failing) throw new Error('it cannot begin, from 198.51.100.7');

const piece = Buffer.alloc(64 * 1024, 'x');
const seen = { open: 0, closed: 0, written: 0 };

async function endless(response: http.ServerResponse): Promise<void> {
  seen.open++;
  response.on('close', () => {
    seen.open--;
    seen.closed++;
  });
  while (!response.destroyed) {
    seen.written += piece.length;
    if (!response.write(piece)) await new Promise<void>(done => response.once('drain', done));
  }
}

const server = http.createServer(async (request, response) => {
  const { method, url, headers } = request;
  if (url === '/die') return process.exit(3);
  if (url === '/half') {
    response.writeHead(200, { 'content-length': 1000 });
    response.write('half', () => setTimeout(() => process.exit(3), 50));
    return undefined;
  }
  if (url === '/never') {
    seen.open++;
    response.on('close', () => {
      seen.open--;
      seen.closed++;
    });
    return undefined;
  }
  if (url === '/endless') return void endless(response);
  if (url === '/seen') return void response.end(JSON.stringify(seen));
  let bytes = 0;
  for await (const chunk of request) bytes += (chunk as Buffer).length;
  response.writeHead(207, { 'x-one': ['a', 'b'], 'proxy-connection': 'hop', 'content-type': 'application/json' });
  return void response.end(JSON.stringify({ method, url, headers, bytes }));
});
port.on('message', (order: { kind: string }) => {
  if (order.kind === 'stop' && !deaf) process.exit(0);
});
server.listen(socket, () => port.postMessage({ kind: 'listening' }));
