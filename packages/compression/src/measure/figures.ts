/** Parameters and MACs have one definition for all packages. */
export { figuresOf, type Figures } from '@verge/onnx';
