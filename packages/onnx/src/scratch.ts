/** What engine packages ask of a disk: a place for weights that need not be held in memory. `packages/runtime` implements it. */
export interface Scratch {
  /** The folder of the files; an executor maps weights from there (`SessionOptions.externalFolder`). */
  readonly folder: string;
  /** Models with fewer bytes of weights stay in memory. */
  readonly least: number;
  /** Writes a new file of consecutive pieces. @returns its name */
  write(pieces: Iterable<Uint8Array>): string;
  /**
   * The same, for pieces that are made as they are asked for: the event loop turns between them, since what is read through a WeakRef
   * is held until it does (ECMA-262, "AddToKeptObjects"). Many of them would be in memory together.
   */
  writeInTurns(pieces: Iterable<Uint8Array>): Promise<string>;
  /** @throws what the file system says; RangeError where the file ends before */
  read(name: string, offset: number, length: number): Uint8Array;
  remove(name: string): void;
  /** Gives memory back that nobody reaches any more, now rather than at some time. */
  collect(): void;
}
