import type { Tensor } from '@verge/onnx';
import { isCarried } from './convert.js';
import { RuntimeError } from './errors.js';
import type { Port } from './loaded-session.js';

const spell = (shape: readonly (number | string)[]): string => `[${shape.map((d) => (d === '' ? '?' : d)).join(', ')}]`;

function fits(port: Port, dims: readonly number[]): boolean {
  return (
    port.shape.length === dims.length && port.shape.every((want, i) => typeof want === 'string' || want === dims[i])
  );
}

function problemsOf(port: Port, tensor: Tensor | undefined): string[] {
  const wanted = `${port.dtype} ${spell(port.shape)}`;
  if (!tensor) return [`'${port.name}' is missing, expected ${wanted}`];
  const found: string[] = [];
  if (tensor.dtype !== port.dtype) found.push(`'${port.name}' is ${tensor.dtype}, expected ${wanted}`);
  // A model may declare no shape at all (rank unknown); ONNX Runtime then reports [], which a scalar reports too.
  if (port.shape.length > 0 && !fits(port, tensor.dims)) {
    found.push(`'${port.name}' has shape ${spell(tensor.dims)}, expected ${wanted}`);
  }
  const count = tensor.dims.reduce((a, b) => a * b, 1);
  if (isCarried(tensor.dtype) && tensor.data.length !== count) {
    found.push(
      `'${port.name}' holds ${tensor.data.length} elements, its shape ${spell(tensor.dims)} asks for ${count}`,
    );
  }
  return found;
}

/** @throws RuntimeError `bad-feed` naming every missing, unknown, wrongly typed or wrongly shaped feed at once. */
export function checkFeeds(inputs: readonly Port[], feeds: Readonly<Record<string, Tensor>>): void {
  const problems: string[] = [];
  for (const port of inputs) {
    const tensor = Object.hasOwn(feeds, port.name) ? feeds[port.name] : undefined;
    problems.push(...problemsOf(port, tensor));
  }
  const known = new Set(inputs.map((port) => port.name));
  for (const name of Object.keys(feeds)) {
    if (!known.has(name)) {
      problems.push(`'${name}' is not an input; the inputs are ${inputs.map((p) => `'${p.name}'`).join(', ')}`);
    }
  }
  if (problems.length > 0) throw new RuntimeError('bad-feed', problems.join('; '), { problems });
}

/** @throws RuntimeError `bad-output` naming every output that the model lacks. */
export function checkOutputs(outputNames: readonly string[], wanted: readonly string[] | undefined): void {
  if (!wanted) return;
  const problems = wanted.filter((name) => !outputNames.includes(name)).map((name) => `'${name}' is not an output`);
  if (wanted.length === 0) problems.push('no output was asked for');
  if (problems.length > 0) {
    throw new RuntimeError(
      'bad-output',
      `${problems.join('; ')}; the outputs are ${outputNames.map((n) => `'${n}'`).join(', ')}`,
      {
        problems,
      },
    );
  }
}

/** @throws RuntimeError `bad-output` naming every tensor that is no place for the output of its name. */
export function checkInto(
  outputs: readonly Port[],
  wanted: readonly string[],
  into: Readonly<Record<string, Tensor>>,
): void {
  const problems = Object.entries(into).flatMap(([name, tensor]) => {
    const port = outputs.find((p) => p.name === name);
    return port && wanted.includes(name) ? problemsOf(port, tensor) : [`'${name}' is not an output that is fetched`];
  });
  if (problems.length > 0) throw new RuntimeError('bad-output', problems.join('; '), { problems });
}
