export * from './identifiers.js';
export * from './preprocess.js';
export * from './training-config.js';
export * from './measurement.js';
export * from './recipe.js';
