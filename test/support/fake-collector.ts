/**
 * A collector of a few lines, for the sensor's tests: checks what it is sent as the real one does, keeps it in memory, and can be
 * told to misbehave. What it has taken is `batches`, by epoch and sequence.
 */
import { createPublicKey, type KeyObject, randomUUID } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Batch } from '../../common/batch/batch.ts';
import { type OpenedBatch, openBatch } from '../../common/batch/open.ts';
import type { BatchKey, Heartbeat, SequenceRange } from '../../common/protocol/messages.ts';
import { type SignedRequest, verifyRequest } from '../../common/protocol/signature.ts';

export interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** What happens to a batch: an answer in place of the right one, before or after it is taken, or none at all. */
export type Mischief = Answer | 'swallow' | 'take and swallow' | undefined;

export const PROBLEM = { 'content-type': 'application/problem+json' };
const REVOKED: Answer = {
  status: 401,
  headers: PROBLEM,
  body: JSON.stringify({ type: 'urn:enaga:problem:revoked', title: 'Revoked', detail: 'Ask who runs the collector.' }),
};

const keyOf = ({ epoch, sequence }: Pick<BatchKey, 'epoch' | 'sequence'>) => `${epoch}/${sequence}`;

export class FakeCollector {
  readonly sensor = randomUUID();
  readonly batches = new Map<string, OpenedBatch>();
  readonly heartbeats: Heartbeat[] = [];
  /** Keys of batches, one for each time one was sent. */
  readonly attempts: string[] = [];
  /** Requests whose signature or content was not right. */
  readonly bad: string[] = [];
  revoked = false;
  networks = ['192.0.2.0/24', '2001:db8::/32'];
  gaps: SequenceRange[] = [];
  clockMs = () => Date.now();
  mischief: (batch: Batch, attempt: number) => Mischief = () => undefined;
  url = '';
  readonly #server = http.createServer((request, response) => void this.#serve(request, response));
  #publicKey: KeyObject | undefined;
  #keys = 0;

  async start(port = 0): Promise<this> {
    await new Promise<void>(resolve => this.#server.listen(port, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise(resolve => this.#server.close(resolve));
  }

  get records(): number {
    return [...this.batches.values()].reduce((sum, { records }) => sum + records.count, 0);
  }

  /** Over all batches taken. */
  get counters() {
    const sum = { seen: 0, interrupted: 0, kernelDrops: 0, skipped: 0, lost: 0 };
    for (const { header } of this.batches.values()) {
      const { seen, interrupted, kernelDrops, skipped, lost } = header.counters;
      sum.seen += seen;
      sum.interrupted += interrupted;
      sum.kernelDrops += kernelDrops;
      for (const packets of Object.values(skipped)) sum.skipped += packets;
      for (const { records } of lost) sum.lost += records;
    }
    return sum;
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const answer = await this.#answer(request, body);
    if (answer === undefined) return void request.socket.destroy();
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(answer.body);
  }

  async #answer(request: http.IncomingMessage, body: Buffer): Promise<Answer | undefined> {
    if (request.url === '/healthz') return { status: 200, body: '{"ok":true}' };
    if (request.url === '/v1/enrolments') return this.#enrol(JSON.parse(body.toString()));
    if (!(await this.#isSigned(request, body))) {
      this.bad.push(`${request.method} ${request.url}`);
      return { status: 401, headers: PROBLEM, body: JSON.stringify({ title: 'Unknown sensor' }) };
    }
    if (this.revoked) return REVOKED;
    if (request.url === '/v1/batches') return this.#take(body);
    this.heartbeats.push(JSON.parse(body.toString()));
    const { gaps, networks } = this;
    this.gaps = [];
    return { status: 200, body: JSON.stringify({ received: this.clockMs(), gaps, networks }) };
  }

  #enrol({ token, publicKey }: { token: string; publicKey: string }): Answer {
    if (token !== 'good') return { status: 401, headers: PROBLEM, body: JSON.stringify({ title: 'No such token' }) };
    this.#publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
    const { sensor, networks } = this;
    const keyId = `key-${++this.#keys}`;
    return { status: 201, body: JSON.stringify({ sensor, name: 'test', economy: 'JP', keyId, networks, epoch: 1 }) };
  }

  async #isSigned(request: http.IncomingMessage, body: Buffer): Promise<boolean> {
    const signed: SignedRequest = {
      method: request.method!,
      path: request.url!,
      headers: request.headers as Record<string, string>,
      body,
    };
    const publicKey = this.#publicKey;
    if (publicKey === undefined) return false;
    return (await verifyRequest(signed, id => (id === `key-${this.#keys}` ? { publicKey } : undefined))) !== undefined;
  }

  #take(body: Buffer): Answer | undefined {
    const batch = openBatch(body);
    const key = keyOf(batch.header);
    this.attempts.push(key);
    const mischief = this.mischief(batch, this.attempts.filter(one => one === key).length);
    if (mischief === 'swallow') return undefined;
    if (typeof mischief === 'object') return mischief;
    const known = this.batches.get(key);
    if (known !== undefined && known.sha256 !== batch.sha256) return this.#conflict();
    this.batches.set(key, batch);
    const { sensor, epoch, sequence } = batch.header;
    const acknowledgement = { sensor, epoch, sequence, sha256: batch.sha256 };
    return mischief === 'take and swallow' ? undefined : { status: 200, body: JSON.stringify(acknowledgement) };
  }

  #conflict(): Answer {
    const nextEpoch = 1 + Math.max(...[...this.batches.values()].map(({ header }) => header.epoch));
    return { status: 409, headers: PROBLEM, body: JSON.stringify({ title: 'Conflict', nextEpoch }) };
  }
}
