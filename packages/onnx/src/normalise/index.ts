export { carriedForm, describeEdgeChange, type EdgeChange } from './carried.js';
export { classLabelsOf, withoutZipMap, type RemovedZipMap } from './without-zipmap.js';
export { inlineFunctions, type InlinedFunctions } from './inline-functions.js';
export { normalise, prepare, type Normalised, type NormaliseOptions, type Prepared } from './normalise.js';
export { sorted as sortedNodes } from './order.js';
export { refuseRepaired, type Repair, type RepairCode } from './repairs.js';
