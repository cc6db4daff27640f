export { PackError, type PackErrorCode } from './errors.js';
export { pack, type PackOptions } from './pack.js';
export { packedHead, unpack, unpackPieces, type PackedHead, type UnpackOptions } from './unpack.js';
