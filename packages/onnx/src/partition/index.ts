export { chainStages } from './chain.js';
export { defaultCost, type NodeCost, type NodeWork } from './node-costs.js';
export { partition, type Partitioned, type PartitionOptions, type Stage } from './partition.js';
export { checkSubgraph, extractSubgraph, type SubgraphOptions } from './subgraph.js';
