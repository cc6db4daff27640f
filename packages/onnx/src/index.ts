export * from './tensor.js';
export * from './session.js';
export * from './ir.js';
export * from './errors.js';
export * from './datatypes.js';
export { decodeModel, decodeTensor, decodeType, encodeModel, encodeTensor, type DecodeLimits } from './codec/model.js';
export * from './attributes.js';
export * from './builder.js';
