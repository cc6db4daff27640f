/** Declared ports that speak of inputs and outputs which a version does not have. */
import { type FieldError, type ModelPorts, type TensorSpec, visibleText } from '@verge/contracts';

interface Declared {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly ports: ModelPorts;
}

const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

/** All of them, by the fields of an import's body. Which sizes are open the file alone says: a job that runs it refuses others. */
export function portProblems({ inputs, outputs, ports }: Declared): FieldError[] {
  const has = (list: readonly TensorSpec[], name: string): boolean => list.some((spec) => spec.name === name);
  const fed = Object.keys(ports.inputs ?? {});
  const problems = fed
    .filter((name) => !has(inputs, name))
    .map((name) => ({
      field: `/ports/inputs/${escaped(visibleText(name))}`,
      detail: `the version has no input '${visibleText(name)}'`,
    }));
  if (inputs.every(({ name }) => fed.includes(name)))
    problems.push({ field: '/ports/inputs', detail: 'no input is left for the samples themselves' });
  if (ports.output !== undefined && !has(outputs, ports.output))
    problems.push({ field: '/ports/output', detail: `the version has no output '${visibleText(ports.output)}'` });
  return problems;
}
