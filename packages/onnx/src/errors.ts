/** Every way in which this package refuses its input. */
export type OnnxErrorCode =
  /** The bytes end before the message does. */
  | 'truncated'
  /** The bytes are not a well-formed message of onnx.proto. */
  | 'malformed'
  /** Messages nest deeper than the limit. */
  | 'too-deep'
  /** More bytes or messages than the limit allows. */
  | 'too-large'
  /** Well-formed, but beyond what this package can hold without loss. */
  | 'unsupported'
  /** A tensor whose data and shape disagree. */
  | 'tensor-data'
  /** A name that must be unique occurs twice. */
  | 'duplicate-name'
  /** The model breaks a rule of the ONNX IR; `diagnostics` of `LegalityError` lists them. */
  | 'illegal-model'
  /** An attribute is missing or has another kind than asked for. */
  | 'attribute'
  /** Shapes or types of a node's inputs contradict the operator's specification. */
  | 'shape'
  /** The graph builder was asked for something inconsistent. */
  | 'build'
  /** A rewriting rule or a constant folding step failed. */
  | 'rewrite'
  /** A graph cannot be cut into the stages that were asked for. */
  | 'partition'
  /** Nodes cannot be written in the operator set that was asked for. */
  | 'opset'
  /** At none of the sizes that were tried for open axes does the model run. */
  | 'no-sizes'
  /** A simplified model does not give the numbers of the original. */
  | 'numbers-differ';

/** The one error class of this package; `code` is for programs, the message for people. */
export class OnnxError extends Error {
  override readonly name: string = 'OnnxError';
  constructor(
    readonly code: OnnxErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
