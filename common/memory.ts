/**
 * Gives memory back at once, of which there are no other views in use. Megabytes a batch left to the garbage collector made it mark
 * the whole heap every dozen batches: half of what it cost, and a tenth of all a collector under full load did.
 */
export const freeMemory = (buffer: ArrayBuffer): void => void buffer.transfer(0);
