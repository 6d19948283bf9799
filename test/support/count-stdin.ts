/** Reads a capture from standard input and says, as JSON, how many packets it has and what is wrong with it. A program for tests. */
import { CaptureReader, createBlock } from '../../common/packet/capture.ts';

const reader = await CaptureReader.open('-');
const block = createBlock();
let packets = 0;
while (await reader.next(block)) packets += block.packets.count;
reader.close();
console.log(JSON.stringify({ packets, damage: reader.damage }));
