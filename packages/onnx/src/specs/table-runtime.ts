/**
 * Operators that ONNX Runtime adds to the default domain, in the form of `table-a-l.ts`. Its optimiser writes them into
 * models of any operator set (onnxruntime, core/graph/contrib_ops/contrib_defs.cc), ONNX has them later or not at all.
 */
export const OPERATORS_RUNTIME = `
LayerNormalization 1 2:3 1:3 axis=i epsilon=f stash_type=i
SimplifiedLayerNormalization 1 2:2 1:2 axis=i epsilon=f stash_type=i
`;
