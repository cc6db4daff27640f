import { describe, expect, it } from 'vitest';
import { decodeModel, decodeTensor, encodeModel, encodeTensor } from '../index.js';
import { dataFolder, lightCases, looseModels, nodeCases, type ArchivedFile } from './archive.js';
import { fieldText } from './fields.js';

const folder = dataFolder('round trips of the ONNX 1.22 conformance files');

interface Tally {
  files: number;
  bytes: number;
  fields: string[];
  different: string[];
}

function tally(files: readonly ArchivedFile[], again: (bytes: Uint8Array) => Uint8Array, message: string): Tally {
  const result: Tally = { files: files.length, bytes: 0, fields: [], different: [] };
  for (const { path, bytes } of files) {
    let written: Uint8Array;
    try {
      written = again(bytes);
    } catch (error) {
      result.different.push(`${path}: ${String(error)}`);
      continue;
    }
    if (Buffer.compare(written, bytes) === 0) result.bytes++;
    else if (fieldText(written, message) === fieldText(bytes, message)) result.fields.push(path);
    else result.different.push(path);
  }
  return result;
}

const models = (files: readonly ArchivedFile[]): Tally =>
  tally(
    files.filter((f) => f.path.endsWith('.onnx')),
    (bytes) => encodeModel(decodeModel(bytes)),
    'Model',
  );

const counts = ({ files, bytes, fields, different }: Tally): object => ({
  files,
  byteForByte: bytes,
  fieldForField: fields.length,
  different,
});

function check(name: string, found: Tally, files: number): void {
  console.log(`${name}: ${files} files, ${found.bytes} byte for byte, ${found.fields.length} field for field`);
  expect(counts(found)).toEqual({ files, byteForByte: files, fieldForField: 0, different: [] });
}

/** The test data that are tensors: the others hold SequenceProto or OptionalProto, which are no part of a model. */
function tensorFiles(files: readonly ArchivedFile[]): ArchivedFile[] {
  const tensors = new Set<string>();
  for (const { path, bytes } of files.filter((f) => f.path.endsWith('.onnx'))) {
    const { inputs, outputs } = decodeModel(bytes).graph;
    const stem = path.slice(0, path.lastIndexOf('/'));
    inputs.forEach((v, i) => v.type?.kind === 'tensor' && tensors.add(`${stem} input_${i}.pb`));
    outputs.forEach((v, i) => v.type?.kind === 'tensor' && tensors.add(`${stem} output_${i}.pb`));
  }
  return files.filter(({ path }) => {
    const parts = /^(.*)\/[^/]+\/([^/]+\.pb)$/.exec(path);
    return parts !== null && tensors.has(`${parts[1]} ${parts[2]}`);
  });
}

describe.skipIf(!folder)('round trips', () => {
  it('re-encodes the node models of ONNX 1.22', () => {
    check('backend node models', models(nodeCases(folder!)), 1765);
  });

  it('re-encodes the simple, light and PyTorch-converted models', () => {
    check('backend light, simple and PyTorch models', models(lightCases(folder!)), 149);
  });

  it('re-encodes published networks', () => {
    check('published networks', models(looseModels(folder!)), 9);
  });

  it('re-encodes the tensors of the node tests', () => {
    const files = tensorFiles(nodeCases(folder!));
    check(
      'test tensors',
      tally(files, (bytes) => encodeTensor(decodeTensor(bytes)), 'Tensor'),
      5972,
    );
  });

  it('keeps the content of a file that was not canonical, field for field', () => {
    // The same model with its graph (field 7) before ir_version (1) and ir_version as a six-byte varint.
    const [first] = looseModels(folder!);
    const { graph, ...rest } = decodeModel(first!.bytes);
    const whole = encodeModel({ ...rest, graph });
    const start = whole.indexOf(0x3a);
    expect([whole[0], whole[1]! < 128]).toEqual([0x08, true]);
    const odd = Uint8Array.of(...whole.subarray(2, start), ...Uint8Array.of(0x08, whole[1]! | 128, 128, 128, 0));
    const shuffled = Buffer.concat([whole.subarray(start), odd]);
    const again = encodeModel(decodeModel(shuffled));
    expect(Buffer.compare(again, shuffled)).not.toBe(0);
    expect(fieldText(again)).toBe(fieldText(shuffled));
    expect(Buffer.compare(again, whole)).toBe(0);
  });
});
