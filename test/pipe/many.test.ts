/**
 * Fifty sensors and one collector that is killed in the middle and comes back after a while: nothing is lost, nothing counted
 * twice, and the sensors do not come back in step. Sensors have real spools, clients and shippers, but share this process.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SOON } from '../../sensor/ship/backoff.ts';
import { Client } from '../../sensor/ship/client.ts';
import { Shipper } from '../../sensor/ship/shipper.ts';
import { Spool } from '../../sensor/spool/spool.ts';
import { addSensors, loggedAt, storedBy } from '../faults/support.ts';
import { accountOf, draft, SPOOL_OPTIONS } from '../sensor/support.ts';
import { Observatory } from '../support/observatory.ts';

const sensorCount = 50;
const batchesBefore = 8;
const batchesDuring = 4;
const recordsEach = 40;
const outageMs = 4000;
/** As in use, but for a lower bound, so that the last of them is back in a moment. */
const waitMsMax = 6000;
/** Of the sensors that may knock within a quarter of a second of the return: all of them is a herd. */
const windowMs = 250;
const togetherMax = sensorCount / 2;

interface Sensor {
  readonly spool: Spool;
  readonly client: Client;
  readonly shipper: Shipper;
  /** When it sent, milliseconds of this process. */
  readonly sent: number[];
}

const answersBeforeKill = (sensorCount * batchesBefore) / 2;

const observatory = new Observatory();
/** The collector is killed with the answer that makes it so. */
const halfway = Promise.withResolvers<unknown>();
let answered = 0;
const sensors: Sensor[] = [];

beforeAll(async () => {
  await observatory.init();
  await observatory.serve('--log-level', 'error');
  for (const [n, { enrolment, privateKey }] of addSensors(observatory, sensorCount).entries()) {
    const spool = Spool.open(`${observatory.folder}/spool-${n}.db`, { ...SPOOL_OPTIONS, sensor: enrolment.sensor });
    spool.database.pragma('synchronous = OFF'); // no sensor dies, and each would hold up all others while a slow disk syncs
    const client = new Client({ collector: new URL(observatory.url), key: { id: enrolment.keyId, privateKey } });
    const sent: number[] = [];
    const shipper = new Shipper({
      spool,
      client: {
        send: async request => {
          sent.push(performance.now());
          const answer = await client.send(request);
          if (answer.status === 200 && ++answered === answersBeforeKill) halfway.resolve(observatory.stop('SIGKILL'));
          return answer;
        },
      },
      say: () => {},
      soon: { ...SOON, maxMs: waitMsMax },
      onEpoch: epoch => expect.unreachable(`epoch ${epoch}: nobody used another's key`),
      onFailure: error => {
        throw error;
      },
    });
    sensors.push({ spool, client, shipper, sent });
  }
}, 60_000);

afterAll(async () => {
  await Promise.all(sensors.map(({ shipper }) => shipper.stop(1000)));
  for (const { client, spool } of sensors) {
    client.close();
    spool.close();
  }
  await observatory.remove();
});

function seal(batches: number): void {
  for (const { spool, shipper } of sensors) {
    for (let n = 0; n < batches; n++) spool.commit([draft(recordsEach)]);
    shipper.wake();
  }
}

it('fault 14: fifty sensors come back from an outage one by one; nothing is lost, nothing counted twice', async () => {
  seal(batchesBefore);
  const acknowledged = () => sensors.reduce((sum, { spool }) => sum + accountOf(spool).shipped.batches, 0);
  await halfway.promise;
  const killedAt = performance.now();
  expect(acknowledged()).toBeLessThan(sensorCount * batchesBefore);
  seal(batchesDuring);
  await new Promise(resolve => setTimeout(resolve, outageMs));
  const during = sensors.map(({ sent }) => sent.filter(ms => ms > killedAt).length);
  expect(Math.max(...during)).toBeLessThan(20); // knocks of one sensor while nobody is there
  const returnedAt = performance.now();
  await observatory.serve('--log-level', 'error');
  await Promise.all(sensors.map(({ shipper }) => shipper.drained(AbortSignal.timeout(25_000), true)));

  const firsts = sensors.map(({ sent }) => sent.find(ms => ms > returnedAt)! - returnedAt).sort((a, b) => a - b);
  expect(firsts.every(ms => ms > 0)).toBe(true);
  const together = firsts.map((ms, n) => firsts.slice(n).filter(other => other < ms + windowMs).length);
  expect(Math.max(...together), firsts.map(Math.round).join(' ')).toBeLessThan(togetherMax);

  const batchesEach = batchesBefore + batchesDuring;
  const logged = loggedAt(observatory.data);
  const keys = new Set(logged.map(({ sensor, epoch, sequence }) => `${sensor}/${epoch}/${sequence}`));
  expect([keys.size, logged.length]).toEqual([sensorCount * batchesEach, sensorCount * batchesEach]);
  for (const { spool } of sensors)
    expect(accountOf(spool)).toMatchObject({
      shipped: { batches: batchesEach, records: batchesEach * recordsEach },
      spooled: { batches: 0 },
      lost: { batches: 0 },
    });
  const stored = await storedBy(observatory);
  expect(stored.records).toBe(sensorCount * batchesEach * recordsEach);
  for (const { date } of stored.days) await observatory.enaga(['recount', date]);
}, 60_000);
