import { describe, expect, it } from 'vitest';
import { checkModel, decodeModel } from '../index.js';
import { dataFolder, lightCases, looseModels, nodeCases, type ArchivedFile } from './archive.js';

const folder = dataFolder('legality of the ONNX 1.22 conformance models');

describe.skipIf(!folder)('the legality check', () => {
  it('finds nothing in any conformance model or published network', () => {
    const models = [nodeCases, lightCases, looseModels]
      .flatMap((read): ArchivedFile[] => read(folder!))
      .filter((f) => f.path.endsWith('.onnx'));
    const findings = models.flatMap((f) => checkModel(decodeModel(f.bytes)).map((d) => `${f.path}: ${d.message}`));
    console.log(`${models.length} models checked, ${findings.length} findings`);
    expect(findings).toEqual([]);
    expect(models.length).toBe(1923);
  });
});
