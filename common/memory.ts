/**
 * Gives memory back at once, of which there are no other views in use; of what was given away already there is nothing to do.
 * Megabytes a batch left to the garbage collector made it mark the whole heap every dozen batches: half of what it cost, and a
 * tenth of all a collector under full load did.
 */
export function freeMemory(buffer: ArrayBuffer): void {
  if (!buffer.detached) buffer.transfer(0);
}
