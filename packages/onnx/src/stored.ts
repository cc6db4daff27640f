/** Every stored tensor of a model, wherever it lies. */
import { tensorBytes } from './datatypes.js';
import type { Attribute, FunctionBody, Graph, Model, Node, SparseTensor, StoredTensor, TrainingInfo } from './ir.js';

/** What a stored tensor is: an initializer of the model's graph, one of a graph elsewhere, of an attribute, of a sparse tensor. */
export type StoredRole = 'initializer' | 'inner' | 'attribute' | 'sparse';

type Change = (tensor: StoredTensor, role: StoredRole) => StoredTensor;

/**
 * A copy of the model with each stored tensor changed: initializers and attributes, dense and sparse, of the graph, of
 * the graphs inside it, of functions and of training information. What does not change is shared.
 */
export function mapStored(model: Model, change: Change): Model {
  const functions = model.functions.map((f) => mapFunction(f, change));
  const training = model.training?.map((info) => mapTraining(info, change));
  return { ...model, graph: mapGraph(model.graph, change, 'initializer'), functions, ...(training && { training }) };
}

/** Calls `visit` with each stored tensor of the model. */
export function eachStored(model: Model, visit: (tensor: StoredTensor) => void): void {
  mapStored(model, (tensor) => {
    visit(tensor);
    return tensor;
  });
}

/** Bytes of all tensors that a model stores in itself. */
export function storedBytes(model: Model): number {
  let sum = 0;
  eachStored(model, ({ value }) => {
    if ('data' in value && value.dtype !== 'string') sum += tensorBytes(value);
  });
  return sum;
}

/** Calls `visit` with each sparse tensor of the model, those of attributes and of graphs inside the graph included. */
export function eachSparse(model: Model, visit: (tensor: SparseTensor) => void): void {
  const ofNodes = (nodes: readonly Node[]): void => {
    for (const node of nodes)
      for (const attribute of node.attributes.values()) {
        if (attribute.kind === 'sparse') visit(attribute.value);
        else if (attribute.kind === 'sparses') attribute.value.forEach(visit);
        else if (attribute.kind === 'graph') ofGraph(attribute.value);
        else if (attribute.kind === 'graphs') attribute.value.forEach(ofGraph);
      }
  };
  const ofGraph = (graph: Graph): void => {
    graph.sparseInitializers.forEach(visit);
    ofNodes(graph.nodes);
  };
  ofGraph(model.graph);
  for (const body of model.functions) ofNodes(body.nodes);
}

function mapGraph(graph: Graph, change: Change, role: StoredRole = 'inner'): Graph {
  return {
    ...graph,
    nodes: graph.nodes.map((node) => mapNode(node, change)),
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [name, change(tensor, role)])),
    sparseInitializers: graph.sparseInitializers.map((sparse) => mapSparse(sparse, change)),
  };
}

function mapSparse(sparse: SparseTensor, change: Change): SparseTensor {
  return { ...sparse, values: change(sparse.values, 'sparse'), indices: change(sparse.indices, 'sparse') };
}

function mapNode(node: Node, change: Change): Node {
  if (node.attributes.size === 0) return node;
  return { ...node, attributes: mapAttributes(node.attributes, change) };
}

function mapAttributes(attributes: ReadonlyMap<string, Attribute>, change: Change): Map<string, Attribute> {
  return new Map([...attributes].map(([name, attribute]) => [name, mapAttribute(attribute, change)]));
}

function mapAttribute(attribute: Attribute, change: Change): Attribute {
  switch (attribute.kind) {
    case 'tensor':
      return { ...attribute, value: change(attribute.value, 'attribute') };
    case 'tensors':
      return { ...attribute, value: attribute.value.map((tensor) => change(tensor, 'attribute')) };
    case 'sparse':
      return { ...attribute, value: mapSparse(attribute.value, change) };
    case 'sparses':
      return { ...attribute, value: attribute.value.map((sparse) => mapSparse(sparse, change)) };
    case 'graph':
      return { ...attribute, value: mapGraph(attribute.value, change) };
    case 'graphs':
      return { ...attribute, value: attribute.value.map((graph) => mapGraph(graph, change)) };
    default:
      return attribute;
  }
}

function mapFunction(body: FunctionBody, change: Change): FunctionBody {
  const nodes = body.nodes.map((node) => mapNode(node, change));
  const { attributeDefaults } = body;
  return { ...body, nodes, ...(attributeDefaults && { attributeDefaults: mapAttributes(attributeDefaults, change) }) };
}

function mapTraining(info: TrainingInfo, change: Change): TrainingInfo {
  const { initialization, algorithm } = info;
  return {
    ...info,
    ...(initialization && { initialization: mapGraph(initialization, change) }),
    ...(algorithm && { algorithm: mapGraph(algorithm, change) }),
  };
}
