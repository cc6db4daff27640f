export { packApart, type PackedFile, type PackFiles } from './apart.js';
export { PackError, type PackErrorCode } from './errors.js';
export { BaseFile, unpackFile, type UnpackFile } from './files.js';
export type { BaseReader, Pieces } from './input.js';
export { pack, type PackOptions } from './pack.js';
export { packedHead, unpack, unpackPieces, type PackedHead, type UnpackOptions } from './unpack.js';
