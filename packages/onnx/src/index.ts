export * from './tensor.js';
export * from './session.js';
export * from './ir.js';
