/** Walks the packets of a capture and nothing else: how fast anything after it could be. `node walk.ts CAPTURE` prints their number. */
import { CaptureReader, createBlock } from '../../common/packet/capture.ts';

const reader = await CaptureReader.open(process.argv[2]!);
const block = createBlock();
let packets = 0;
while (await reader.next(block)) packets += block.packets.count;
reader.close();
if (reader.damage !== undefined) throw new Error(`damaged at byte ${reader.damage.offset}: ${reader.damage.reason}`);
console.log(packets);
