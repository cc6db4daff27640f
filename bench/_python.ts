/** The interpreter with the peers (PyTorch, onnx, …), which `VERGE_PYTHON` names; rows whose peer is missing are skipped, and said to be. */
import { spawnSync } from 'node:child_process';

export const python = process.env['VERGE_PYTHON'] ?? 'python3';

/** The versions of Python modules, or undefined with a spoken reason when one of them cannot be imported. */
export function peerVersions(modules: readonly string[]): Record<string, string> | undefined {
  // Some modules say their version only as packages.
  const script = `
import json, importlib, importlib.metadata
def version(name):
    module = importlib.import_module(name)
    return getattr(module, '__version__', None) or importlib.metadata.version(name.replace('_', '-'))
print(json.dumps({name: version(name) for name in ${JSON.stringify(modules)}}))`;
  const { status, stdout, stderr, error } = spawnSync(python, ['-c', script], { encoding: 'utf8' });
  if (status === 0) return JSON.parse(stdout) as Record<string, string>;
  const reason = error?.message ?? stderr.trim().split('\n').at(-1);
  console.log(
    `  skipped: '${python}' cannot import ${modules.join(', ')} (${reason}); VERGE_PYTHON names another interpreter`,
  );
  return undefined;
}
