/** `verge pack` and `verge unpack`: the form in which a model is few bytes on its way, and the very same file again. */
import { pack, packedHead, unpackPieces } from '@verge/onnx/pack';
import { createOutput, fields, size } from '../output.js';
import { readGiven, writeDraft, writeWhole } from './files.js';
import { untilInterrupted } from './signals.js';

export interface PackArguments {
  out: string;
  base?: string;
  json?: boolean;
}

export interface UnpackArguments extends PackArguments {
  maxBytes?: number;
}

const baseOf = ({ base }: PackArguments): Promise<Uint8Array> | undefined =>
  base === undefined ? undefined : readGiven(base, 'base');

/** @throws PackError, CliError `missing` */
export async function packVerb(path: string, options: PackArguments, json: boolean): Promise<void> {
  const [file, base] = [await readGiven(path, 'file'), await baseOf(options)];
  const output = createOutput(json);
  const onProgress = (fraction: number): void => output.progress(`packing ${Math.floor(10 * fraction) * 10} %`);
  const packed = await untilInterrupted((signal) => pack(file, { base, signal, onProgress }));
  await writeWhole(options.out, packed);
  const { sha256 } = packedHead(packed);
  const share = file.length === 0 ? 1 : packed.length / file.length;
  output.result({ bytes: file.length, packed: packed.length, sha256, base: options.base ?? null }, () =>
    fields([
      ['file', `${size(file.length)}, sha256 ${sha256}`],
      ['packed', `${size(packed.length)}, ${(100 * share).toFixed(1)} % of it`],
      ['base', options.base ?? 'none'],
      ['written', options.out],
    ]),
  );
}

/** Writes nothing unless what comes out has the digest that it should have. @throws PackError, CliError `missing` */
export async function unpackVerb(path: string, options: UnpackArguments, json: boolean): Promise<void> {
  const [packed, base] = [await readGiven(path, 'packed file'), await baseOf(options)];
  const { bytes, sha256 } = packedHead(packed);
  await untilInterrupted((signal) =>
    writeDraft(options.out, unpackPieces(packed, { base, signal, maxBytes: options.maxBytes })),
  );
  createOutput(json).result({ bytes, sha256 }, () =>
    fields([
      ['file', `${size(bytes)}, sha256 ${sha256}`],
      ['written', options.out],
    ]),
  );
}
