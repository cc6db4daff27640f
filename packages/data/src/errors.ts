/** What can be wrong with data on its way to tensors. */
export type DataErrorCode =
  /** The file or folder cannot be opened. */
  | 'not-found'
  /** No reader recognises the content, or the named format does not exist. */
  | 'unknown-format'
  /** The content breaks its format. */
  | 'malformed'
  /** More unreadable rows than the setting allows. */
  | 'unreadable-rows'
  /** Larger than the setting allows. */
  | 'too-large'
  /** A part that the format needs is missing: an array, a column, a label file. */
  | 'missing-part'
  /** The samples do not have the shape that the step, pipeline or split asks for. */
  | 'shape-mismatch'
  /** A preprocessing pipeline that cannot work. */
  | 'bad-preprocess'
  /** A split that does not exist, or a part of it that is empty. */
  | 'bad-split'
  /** The content allows for several readings; the message names the option that decides. */
  | 'undecided'
  /** A setting is out of range. */
  | 'bad-setting';

/** An error with a closed set of codes; `problems` names every bad field when there are several. */
export class DataError extends Error {
  override readonly name = 'DataError';
  readonly code: DataErrorCode;
  readonly problems: readonly string[];

  constructor(code: DataErrorCode, message: string, options: { cause?: unknown; problems?: readonly string[] } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.problems = options.problems ?? [];
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
