export { createProgram, main } from './program.js';
export { exitCodes } from './errors.js';
