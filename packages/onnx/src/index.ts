export * from './tensor.js';
export * from './session.js';
export type { Scratch } from './scratch.js';
export * from './replica-pool.js';
export * from './ir.js';
export * from './errors.js';
export * from './datatypes.js';
export * from './halves.js';
export { isLazy, lazyTensor } from './lazy.js';
export {
  decodeModel,
  decodeTensor,
  decodeType,
  encodeModel,
  encodedBytes,
  encodePieces,
  encodeTensor,
  type DecodeLimits,
} from './codec/model.js';
export { modelHead, type ReadFile } from './codec/head.js';
export * from './attributes.js';
export * from './builder.js';
export { assertLegal, checkModel, LegalityError, type Diagnostic, type DiagnosticCode } from './check/index.js';
export { operatorSpec, NEWEST_OPSET, type Arity, type OperatorSpec } from './specs/lookup.js';
export {
  inferShapes,
  inferTypes,
  knownConditions,
  knownFloats,
  knownIntegers,
  provenTypes,
  valueTypes,
  type Claim,
  type Inference,
  type InferOptions,
  type InferredOperator,
  type ProofOptions,
} from './infer/index.js';
export { normalise, type Normalised, type NormaliseOptions, type Repair, type RepairCode } from './normalise/index.js';
export { atSizes, followAtSizes, symbolicSizes, type Followed } from './sizes.js';
export { classKind, classOutput, type ClassOutput, type OutputPort } from './class-output.js';
export { figuresOf, type Figures, type FiguresOptions } from './figures.js';
export { describeValue, summarize, type LayerSummary, type ModelSummary, type ValueSummary } from './summary.js';
export { type Unknown } from './work/inside.js';
export * from './rewrite/index.js';
export { externalLocations, loadExternalData, readExternalData, staysInside, type ReadExternal } from './external.js';
export { encodeApart, MOST_IN_ONE_MESSAGE, openModel, type Apart, type ModelOpener } from './open-model.js';
export { eachSparse, eachStored, mapStored, storedBytes, type StoredRole } from './stored.js';
export { belongsOnShelf, openShelved, shelfOpener, shelve, shelveMessage } from './shelf.js';
export { saveExternalData, type ExternalChunk, type SaveExternalOptions } from './save-external.js';
export { measureTypes, unknownValues, withMeasured, type MeasuredTypes, type MeasureOptions } from './measured.js';
export * from './partition/index.js';
export * from './simplify/index.js';
export * from './normalise/index.js';
export * from './convert/index.js';
