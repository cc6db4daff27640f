export { convertOpset, type Converted } from './convert.js';
export { LEAST_OPSET, MOST_OPSET } from './table.js';
