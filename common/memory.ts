/**
 * Memory of typed arrays, given back at once or left to the garbage collector.
 *
 * Both have a price. Megabytes a batch left to the collector made it mark the whole heap every dozen batches: half of what it cost, and
 * a tenth of all a collector under full load did. But from the first buffer on that a thread gives back or lets move, V8 asks at each
 * access to any typed array whether its memory is still there: a tenth of a replay. So a thread that gives back what it is done with
 * does so with all; one that never did leaves what it outgrows to the collector.
 */
let givesBack = false;

/** Gives memory back at once, of which there are no other views in use; of what was given away already there is nothing to do. */
export function freeMemory(buffer: ArrayBuffer): void {
  givesBack = true;
  if (!buffer.detached) buffer.transfer(0);
}

/** The same of memory that was outgrown, but only in a thread that gives back anyway. */
export function letGo(buffer: ArrayBuffer): void {
  if (givesBack) freeMemory(buffer);
}

/**
 * The same bytes and more, which are 0: at least so many. Copied, where nothing may move; then it grows in larger steps, since room
 * that is not used takes addresses and no memory, and copying does.
 */
export function grownMemory(buffer: ArrayBuffer, bytes: number): ArrayBuffer {
  if (givesBack) return buffer.transfer(Math.max(bytes, 2 * buffer.byteLength));
  const grown = new ArrayBuffer(Math.max(bytes, 4 * buffer.byteLength));
  new Uint8Array(grown).set(new Uint8Array(buffer));
  return grown;
}
