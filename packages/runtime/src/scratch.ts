/** A folder for the weights of a training, from which ONNX Runtime maps them. */
import { closeSync, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Scratch } from '@verge/onnx';

/** The system calls take no more than 2 GiB at once. */
const AT_ONCE = 2 ** 30;

/** Bytes of pieces, made as they are asked for, after which what is left of them is collected. */
export const COLLECT_AFTER = 2 ** 28;

/** Models of less are trained in memory: there a copy costs less than a file. */
const LEAST = 2 ** 26;

function each(length: number, take: (at: number, most: number) => number): void {
  for (let at = 0; at < length;) {
    const done = take(at, Math.min(AT_ONCE, length - at));
    if (done === 0) throw new RangeError(`the file ends ${length - at} bytes too early`);
    at += done;
  }
}

let collector: (() => void) | undefined;

/** V8's own collection: it counts what JavaScript allocates, and does not see how much the executor needs beside it. */
export function collectGarbage(): void {
  if (!collector) {
    setFlagsFromString('--expose-gc');
    collector = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
  }
  collector();
}

export interface OpenedScratch extends Scratch {
  /** Removes the folder. */
  close(): void;
}

/**
 * A folder for one run; it is made when something is written there, and removed by `close`.
 * @param least bytes of weights from which a model is kept there
 */
export function openScratch(folder: string, least = LEAST): OpenedScratch {
  let count = 0;
  const made = (): { name: string; file: number } => {
    mkdirSync(folder, { recursive: true });
    const name = `weights-${count++}`;
    return { name, file: openSync(join(folder, name), 'wx') };
  };
  const put = (file: number, piece: Uint8Array): void =>
    each(piece.byteLength, (at, most) => writeSync(file, piece, at, most));
  return {
    folder,
    least,
    write(pieces) {
      const { name, file } = made();
      try {
        for (const piece of pieces) put(file, piece);
      } finally {
        closeSync(file);
      }
      return name;
    },
    async writeInTurns(pieces) {
      const { name, file } = made();
      let since = 0;
      try {
        for (const piece of pieces) {
          put(file, piece);
          await new Promise(setImmediate);
          since += piece.byteLength;
          if (since < COLLECT_AFTER) continue;
          collectGarbage();
          since = 0;
        }
      } finally {
        closeSync(file);
      }
      return name;
    },
    read(name, offset, length) {
      const bytes = new Uint8Array(length);
      const file = openSync(join(folder, name), 'r');
      try {
        each(length, (at, most) => readSync(file, bytes, at, most, offset + at));
      } finally {
        closeSync(file);
      }
      return bytes;
    },
    remove: (name) => rmSync(join(folder, name), { force: true }),
    collect: collectGarbage,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
