export { carriedForm, describeEdgeChange, type EdgeChange } from './carried.js';
export { classLabelsOf, withoutZipMap, type RemovedZipMap } from './without-zipmap.js';
