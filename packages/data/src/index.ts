export { DataError, type DataErrorCode } from './errors.js';
export {
  checkSamples,
  digestOf,
  partNames,
  pick,
  rowsAt,
  sampleSize,
  slice,
  type Dataset,
  type Elements,
  type Part,
  type Samples,
  type Targets,
  type UnreadableRow,
} from './samples.js';
export { filesOf } from './files.js';
export { openDataset } from './open.js';
export type { SampleLayout } from './layout.js';
export { formatNames } from './formats.js';
export { batchesOf, openSource, type Batch, type SampleRange, type Source } from './stream/source.js';
export type { OpenOptions } from './readers/options.js';
export { DatasetDescriptor, findDescriptor } from './descriptor.js';
export { FileNames } from './readers/file-names.js';
export { parseNpy, readNpzArrays, type NpyArray } from './readers/npy.js';
export { encodeNpy, encodeNpz } from './writers/npz.js';
export { parseTypedNpy, readTypedArrays, type TypedArray } from './readers/npy-typed.js';
export { parseIdx } from './readers/idx.js';
export { digitsPreprocess, loadDigits } from './digits.js';
export { selectPart, splitIndices, splitNames, splitSamples, type SplitIndices, type SplitName } from './split.js';
export { channelFigures, windowSamples, type ChannelFigures, type WindowOptions } from './windows.js';
export { augmentBatch } from './augment.js';
export { Random } from './random.js';
export type { Image } from './preprocess/image.js';
export { decodeImage } from './preprocess/decode.js';
export { decodeWav, type Recording } from './preprocess/audio/wav.js';
export { checkPreprocess } from './preprocess/check.js';
export { preprocessArray, preprocessEncoded, preprocessImage, preprocessRecording } from './preprocess/pipeline.js';
