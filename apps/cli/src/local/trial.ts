/** Running a model on inputs that were made up: what is said when that fails, and what was assumed. */
import { OnnxError } from '@verge/onnx';
import { RuntimeError } from '@verge/runtime';
import { CliError } from '../errors.js';

/** Sizes as a line of a report. */
export function sizesIn(sizes: Readonly<Record<string, number>>): string {
  const each = Object.entries(sizes).map(([name, size]) => `${name} = ${size}`);
  return each.length > 0 ? each.join(', ') : '-';
}

/** Whether the process that held the model ended. */
function ended(error: unknown): error is RuntimeError {
  if (!(error instanceof RuntimeError)) return false;
  return error.code === 'crashed' || (error.code === 'start-failed' && ended(error.cause));
}

/**
 * An error of a run on made-up inputs with what the caller can do about it.
 * @param advice the options that describe inputs
 */
export function advisedRun(error: unknown, advice: string): unknown {
  if (ended(error))
    return new CliError(
      'failed',
      'the model ended the process that it ran in',
      [error.message, 'a kernel of ONNX Runtime crashed on it; other sizes or values may not: ' + advice],
      { reason: 'crashed', cause: error },
    );
  const unsuitable =
    (error instanceof RuntimeError && error.code === 'run-failed') ||
    (error instanceof OnnxError && error.code === 'no-sizes');
  if (unsuitable)
    return new CliError('usage', 'the model does not run on made-up inputs', [error.message, advice], {
      reason: error.code,
      cause: error,
    });
  // Values that are not made up: too many of them, or of a type without a rule.
  if (error instanceof OnnxError && error.code === 'unsupported' && /drawn|give a value|no tensor/.test(error.message))
    return new CliError('usage', error.message, [advice], { reason: error.code, cause: error });
  return error;
}
