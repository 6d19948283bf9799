/** A collector with members, receivers of each kind on loopback, and its commands run in this process. */
import fs from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { generate } from 'selfsigned';
import { auditCommand } from '../../collector/commands/audit.ts';
import { memberCommand } from '../../collector/commands/member.ts';
import { pushCommand } from '../../collector/commands/push.ts';
import type { Site } from '../publish/api/support.ts';
import { runCommand, type Said } from '../support/admin.ts';

export const run = (...args: string[]): Promise<Said> => runCommand([memberCommand, auditCommand, pushCommand], args);

export interface Posted {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An HTTPS endpoint that keeps what comes, and answers as the test says. */
export class Receiver {
  readonly posts: Posted[] = [];
  /** Status, and headers; undefined: no answer at all. */
  answer: (post: Posted) => [status: number, headers?: Record<string, string>] | undefined = () => [204];
  readonly #server: https.Server;
  readonly caFile: string;
  url = '';

  private constructor(server: https.Server, caFile: string) {
    this.#server = server;
    this.caFile = caFile;
    server.on('request', (request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', piece => pieces.push(piece));
      request.on('end', () => {
        const post = { path: request.url!, headers: request.headers, body: Buffer.concat(pieces).toString() };
        this.posts.push(post);
        const answer = this.answer(post);
        if (answer !== undefined) response.writeHead(...answer).end('not read');
      });
    });
  }

  static async open(folder: string): Promise<Receiver> {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
      keyType: 'ec',
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    const caFile = path.join(folder, 'receiver.pem');
    fs.writeFileSync(caFile, cert);
    const receiver = new Receiver(https.createServer({ key, cert }), caFile);
    await new Promise<void>(resolve => receiver.#server.listen(0, '127.0.0.1', resolve));
    receiver.url = `https://127.0.0.1:${(receiver.#server.address() as AddressInfo).port}`;
    return receiver;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** So that its data directory can send. */
export function addSender({ made }: Site, settings: object = {}): void {
  const sender = { organisation: 'Example CSIRT', email: 'scan@csirt.example', feed: 'example-scans', tlp: 'amber' };
  fs.writeFileSync(path.join(made.dir, 'exports.json'), JSON.stringify(sender));
  fs.writeFileSync(path.join(made.dir, 'config.json'), JSON.stringify(settings));
}
